//! A new TLS session with a client certificate for each request, beside nginx with the same certificates and the same
//! client: `cargo bench -p countersign-tests --bench mtls`.
#![expect(
    clippy::float_arithmetic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program for people, which may fail loudly"
)]

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    thread::sleep,
    time::{Duration, Instant},
};

use countersign_tests::load::{
    machine::{children, cpu_seconds},
    shop::{Shop, serve_if_asked},
    table::{Row, disturbance, foreign, ratio, title, watched},
};
use tokio::{runtime::Runtime, task::JoinSet};

const PASSES: usize = 5;
const CLIENTS: u32 = 2;
const TIME: Duration = Duration::from_secs(2);
const MICROS: f64 = 1e6;

/// What one contender comes to.
struct Rows {
    rate: Row,
    cpu: Row,
}

impl Rows {
    fn new(what: &str) -> Self {
        Self {
            rate: Row::new(format!("{what}: each s")),
            cpu: Row::new(format!("{what}: server CPU, us")),
        }
    }
}

fn main() {
    serve_if_asked();
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let shop = runtime.block_on(Shop::open(folder.path(), "load.db")).unwrap();
    let shop = Arc::new(shop);
    let direct = Arc::new(runtime.block_on(trusting_the_issuer(folder.path())));
    let nginx = Nginx::start(&shop.folder);
    let [page, direct_page] = [&shop, &direct].map(|shop| runtime.block_on(page(shop)));
    let mut ours = Rows::new("handshake and checkout page (JSON)");
    let mut near = Rows::new("the same, the issuing authority trusted");
    let mut theirs = Rows::new("nginx, handshake and 3 octets");
    let mut whole = Rows::new("handshake, page, certificate pays, code, paid");
    let mut foreign = foreign();
    for _ in 0..PASSES {
        let nginx_process = nginx.as_ref().map(Nginx::worker);
        let servers = [shop.process(), direct.process()];
        let others: Vec<u32> = nginx_process.into_iter().chain(servers).collect();
        watched(&mut foreign, &others, || {
            let (port, process) = (shop.checkout_port(), shop.process());
            run(&runtime, &mut ours, process, requests(&shop, port, page.clone()));
            let (port, its) = (direct.checkout_port(), direct.process());
            run(&runtime, &mut near, its, requests(&direct, port, direct_page.clone()));
            if let Some(nginx) = &nginx {
                let answered = requests(&shop, nginx.port, "/".to_owned());
                run(&runtime, &mut theirs, nginx.worker(), answered);
            }
            run(&runtime, &mut whole, process, purchases(&shop));
        });
    }
    title(
        "TLS 1.3, full handshake, P-256 client certificate with its issuer, connection closed after it",
    );
    for rows in [&ours, &near, &theirs, &whole] {
        rows.rate.print();
        rows.cpu.print();
    }
    disturbance(&foreign);
    println!(
        "\nThe order of each purchase is made before, on a connection of the merchant's that is kept alive; its"
    );
    println!("CPU is in the figure of the purchase, as are bank, SMS and 9 commits.");
    if nginx.is_none() {
        println!("P8 has no peer in this run: nginx is not installed");
    }
    for (what, rows) in [("the root trusted", &ours), ("the issuing authority trusted", &near)] {
        let what = format!("P8, server CPU, ours / nginx, {what}");
        ratio(&what, rows.cpu.median(), theirs.cpu.median(), "<= 0.45x");
    }
}

/// A page for payers.
async fn page(shop: &Shop) -> String {
    let mut till = shop.till().await.unwrap();
    shop.order_at(&mut till, "99.00").await.unwrap()
}

/// A shop that trusts the authority of its clients' certificates itself, and not the root above it.
async fn trusting_the_issuer(folder: &Path) -> Shop {
    let folder = folder.join("direct");
    fs::create_dir(&folder).unwrap();
    let mut shop = Shop::open(&folder, "load.db").await.unwrap();
    shop.stop().unwrap();
    let chain = fs::read_to_string(shop.folder.join("server.pem")).unwrap();
    let issuer = chain.rfind("-----BEGIN").and_then(|begin| chain.get(begin..)).unwrap();
    fs::write(shop.folder.join("issuer.pem"), issuer).unwrap();
    let trusted = |name: &str| format!("client_authorities = \"{name}.pem\"");
    let text = fs::read_to_string(shop.configuration()).unwrap();
    fs::write(shop.configuration(), text.replace(&trusted("root"), &trusted("issuer"))).unwrap();
    shop.start_again().await.unwrap();
    shop
}

/// Runs one contender for a while.
fn run(runtime: &Runtime, rows: &mut Rows, process: u32, load: impl Future<Output = u32>) {
    let (before, begun) = (cpu_seconds(process), Instant::now());
    let done = f64::from(runtime.block_on(load));
    rows.rate.add(done / begun.elapsed().as_secs_f64());
    rows.cpu.add((cpu_seconds(process) - before) * MICROS / done);
}

/// A new session for each request; how many there were.
async fn requests(shop: &Arc<Shop>, port: u16, path: String) -> u32 {
    let begun = Instant::now();
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let (shop, path) = (Arc::clone(shop), path.clone());
        clients.spawn(async move {
            let mut count = 0;
            while begun.elapsed() < TIME {
                let mut session = shop.client.dial(port).await.unwrap();
                let answer = session.call("GET", &path, "", "").await.unwrap();
                assert_eq!(answer.status, 200, "{}", answer.body);
                // nginx may be faster to close.
                let _ = session.close().await;
                count += 1;
            }
            count
        });
    }
    clients.join_all().await.into_iter().sum()
}

/// A new session for each purchase; how many there were.
async fn purchases(shop: &Arc<Shop>) -> u32 {
    let begun = Instant::now();
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let shop = Arc::clone(shop);
        clients.spawn(async move {
            let amount = format!("{}.00", 100 + client);
            let mut till = shop.till().await.unwrap();
            let mut count = 0;
            while begun.elapsed() < TIME {
                let page = shop.order_at(&mut till, &amount).await.unwrap();
                let mut session = shop.client.dial(shop.checkout_port()).await.unwrap();
                let paid = shop.pay(&mut session, &page, &amount, "certificate=1").await;
                paid.unwrap();
                let _ = session.close().await;
                count += 1;
            }
            count
        });
    }
    clients.join_all().await.into_iter().sum()
}

/// The peer, with one worker.
struct Nginx {
    master: Child,
    port: u16,
}

impl Nginx {
    /// Nothing when it is not installed.
    fn start(folder: &Path) -> Option<Self> {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let at = folder.display();
        let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {at}/{kind};"))
            .join(" ");
        let configuration = format!(
            "daemon off; worker_processes 1; pid {at}/nginx.pid; error_log {at}/nginx.log error;
             events {{ worker_connections 1024; }}
             http {{ access_log off; {paths}
               ssl_certificate {at}/server.pem; ssl_certificate_key {at}/server.key;
               ssl_protocols TLSv1.3; ssl_session_tickets off; ssl_session_cache off;
               ssl_ecdh_curve X25519:prime256v1;
               server {{ listen 127.0.0.1:{port} ssl; ssl_client_certificate {at}/root.pem;
                 ssl_verify_client on; ssl_verify_depth 2; location / {{ return 200 \"ok\\n\"; }} }} }}"
        );
        let file = folder.join("nginx.conf");
        fs::write(&file, configuration).unwrap();
        let master = Command::new("/usr/sbin/nginx")
            .arg("-c")
            .arg(&file)
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let nginx = Self { master, port };
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            sleep(Duration::from_millis(20));
        }
        Some(nginx)
    }

    fn worker(&self) -> u32 {
        children(self.master.id()).first().copied().unwrap_or_default()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // The master ends its worker when it is told to; killed, it could not.
        let told = Command::new("kill").arg(self.master.id().to_string()).status();
        if told.is_ok() {
            let _ = self.master.wait();
        }
    }
}
