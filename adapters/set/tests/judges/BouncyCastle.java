import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.util.Arrays;
import java.util.Iterator;
import javax.crypto.Cipher;
import javax.crypto.spec.GCMParameterSpec;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.cms.GCMParameters;
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cms.*;
import org.bouncycastle.cms.jcajce.*;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.openssl.jcajce.JcaPEMKeyConverter;
import org.bouncycastle.operator.InputAEADDecryptor;

/**
 * java BouncyCastle.java verify TYPE SIGNED CONTENT SIGNER.pem: whether the signature is over what is beside it.
 * java BouncyCastle.java open SEALED CONTENT RECIPIENT.key: whether that is what is in the envelope.
 * Several may follow each other; each has a line: right, wrong, or why it cannot be read.
 */
public class BouncyCastle {
    static final BouncyCastleProvider PROVIDER = new BouncyCastleProvider();

    public static void main(String[] said) {
        Iterator<String> words = Arrays.asList(said).iterator();
        while (words.hasNext()) {
            System.out.println(judge(words));
        }
    }

    static String judge(Iterator<String> words) {
        boolean isSigned = words.next().equals("verify");
        String[] said = new String[isSigned ? 4 : 3];
        Arrays.setAll(said, place -> words.next());
        try {
            boolean right = isSigned
                ? verify(said[0], bytes(said[1]), bytes(said[2]), certificate(said[3]))
                : Arrays.equals(open(bytes(said[0]), key(said[2])), bytes(said[1]));
            return right ? "right" : "wrong";
        } catch (Exception refused) {
            return refused.toString().lines().findFirst().get();
        }
    }

    static boolean verify(String type, byte[] signed, byte[] content, X509Certificate signer) throws Exception {
        CMSTypedData beside = new CMSProcessableByteArray(new ASN1ObjectIdentifier(type), content);
        CMSSignedData message = new CMSSignedData(beside, signed);
        SignerInformation one = message.getSignerInfos().getSigners().iterator().next();
        boolean isNamed = one.getSID().match(new X509CertificateHolder(signer.getEncoded()));
        try {
            return isNamed && message.getSignerInfos().size() == 1 && message.getSignedContentTypeOID().equals(type)
                && one.verify(new JcaSimpleSignerInfoVerifierBuilder().setProvider(PROVIDER).build(signer));
        } catch (CMSSignerDigestMismatchException refused) {
            return false;
        }
    }

    static byte[] open(byte[] sealed, PrivateKey key) throws Exception {
        RecipientInformation one =
            new CMSAuthEnvelopedData(sealed).getRecipientInfos().getRecipients().iterator().next();
        return key.getAlgorithm().equals("RSA")
            ? one.getContent(new JceKeyTransAuthEnvelopedRecipient(key).setProvider(PROVIDER))
            : one.getContent(new Agreed(key));
    }

    /** Bouncy Castle 1.72 agrees on keys for EnvelopedData alone: the rest is AES-GCM as RFC 5084 has it. */
    static class Agreed extends JceKeyAgreeRecipient {
        Agreed(PrivateKey key) {
            super(key);
            setProvider(PROVIDER);
        }

        public RecipientOperator getRecipientOperator(AlgorithmIdentifier wrap, AlgorithmIdentifier content,
                org.bouncycastle.asn1.x509.SubjectPublicKeyInfo sender,
                org.bouncycastle.asn1.ASN1OctetString material, byte[] wrapped) throws CMSException {
            java.security.Key secret = extractSecretKey(wrap, content, sender, material, wrapped);
            return new RecipientOperator(new Gcm(secret, content));
        }
    }

    static class Gcm implements InputAEADDecryptor {
        private final Cipher cipher;
        private final AlgorithmIdentifier content;
        private InputStream input;

        Gcm(java.security.Key secret, AlgorithmIdentifier content) throws CMSException {
            this.content = content;
            GCMParameters asked = GCMParameters.getInstance(content.getParameters());
            try {
                cipher = Cipher.getInstance("AES/GCM/NoPadding", PROVIDER);
                javax.crypto.SecretKey key = new javax.crypto.spec.SecretKeySpec(secret.getEncoded(), "AES");
                cipher.init(Cipher.DECRYPT_MODE, key, new GCMParameterSpec(asked.getIcvLen() * 8, asked.getNonce()));
            } catch (java.security.GeneralSecurityException refused) {
                throw new CMSException("the key or its parameters", refused);
            }
        }

        public AlgorithmIdentifier getAlgorithmIdentifier() {
            return content;
        }

        public InputStream getInputStream(InputStream encrypted) {
            input = encrypted;
            return new org.bouncycastle.jcajce.io.CipherInputStream(encrypted, cipher);
        }

        public OutputStream getAADStream() {
            return new OutputStream() {
                public void write(int octet) {
                    cipher.updateAAD(new byte[] {(byte) octet});
                }
            };
        }

        public byte[] getMAC() {
            return null;
        }
    }

    static byte[] bytes(String name) throws IOException {
        return Files.readAllBytes(Path.of(name));
    }

    static Object pem(String name) throws IOException {
        try (PEMParser parser = new PEMParser(Files.newBufferedReader(Path.of(name)))) {
            return parser.readObject();
        }
    }

    static X509Certificate certificate(String name) throws Exception {
        return new JcaX509CertificateConverter().getCertificate((X509CertificateHolder) pem(name));
    }

    static PrivateKey key(String name) throws Exception {
        return new JcaPEMKeyConverter().setProvider(PROVIDER).getPrivateKey((PrivateKeyInfo) pem(name));
    }
}
