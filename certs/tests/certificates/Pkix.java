import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.*;
import java.util.*;

/** java Pkix.java root.pem issuing.pem leaf.pem...: what the JDK's PKIX says of each leaf. */
public class Pkix {
    public static void main(String[] names) throws Exception {
        X509Certificate root = read(names[0]);
        PKIXParameters asked = new PKIXParameters(Set.of(new TrustAnchor(root, null)));
        asked.setRevocationEnabled(false);
        for (String name : Arrays.asList(names).subList(2, names.length)) {
            CertPath path = CertificateFactory.getInstance("X.509")
                .generateCertPath(List.of(read(name), read(names[1])));
            try {
                CertPathValidator.getInstance("PKIX").validate(path, asked);
                System.out.println(name + ": OK");
            } catch (Exception refused) {
                System.out.println(name + ": " + refused);
            }
        }
    }

    static X509Certificate read(String name) throws Exception {
        try (InputStream in = Files.newInputStream(Path.of(name))) {
            return (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(in);
        }
    }
}
