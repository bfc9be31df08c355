use super::*;

const PAGE: &str = r#"<!doctype html><script async src="http://127.0.0.1:7070/waver.js" data-site="demo"></script>"#;
const SCRIPT: &str = "const collector = 'http://127.0.0.1:7070'";

struct Open {
    shop: Shop,
    close: oneshot::Sender<()>,
    _dir: tempfile::TempDir,
}

async fn open() -> Open {
    let dir = tempfile::tempdir().expect("folder");
    std::fs::write(dir.path().join("index.html"), PAGE).expect("write");
    std::fs::write(dir.path().join("cart.html"), PAGE).expect("write");
    std::fs::write(dir.path().join("shop.js"), SCRIPT).expect("write");
    let (close, closes) = oneshot::channel();
    let until = async { closes.await.unwrap_or_default() };
    let shop = serve(options(dir.path()), until).await.expect("opens");
    Open { shop, close, _dir: dir }
}

fn options(dir: &std::path::Path) -> Options {
    Options {
        dir: dir.to_path_buf(),
        listen: "127.0.0.1:0".parse().expect("address"),
        collector: "http://127.0.0.1:4711".parse().expect("origin"),
    }
}

async fn get(open: &Open, path: &str) -> reqwest::Response {
    let client = reqwest::Client::builder().no_proxy().build().expect("client");
    client.get(format!("http://{}{path}", open.shop.address())).send().await.expect("answers")
}

#[tokio::test]
async fn pages_name_the_collector_and_other_files_are_left_alone() {
    let open = open().await;
    for path in ["/", "/index.html", "/cart.html?from=mail"] {
        let page = get(&open, path).await.text().await.expect("text");
        assert_eq!(page, PAGE.replace("7070", "4711"), "{path}");
    }
    assert_eq!(get(&open, "/shop.js").await.text().await.expect("text"), SCRIPT);
}

#[tokio::test]
async fn every_answer_carries_the_policy_also_the_one_that_there_is_nothing() {
    let open = open().await;
    for (path, status) in [("/", 200), ("/shop.js", 200), ("/nothing.html", 404), ("/../Cargo.toml", 404)] {
        let answer = get(&open, path).await;
        assert_eq!(answer.status(), status, "{path}");
        let header = |name: &str| answer.headers()[name].to_str().expect("text");
        let policy = header("content-security-policy");
        assert!(policy.contains("script-src 'self' 'wasm-unsafe-eval' http://127.0.0.1:4711;"), "{policy}");
        assert!(policy.contains("connect-src 'self' http://127.0.0.1:4711;"), "{policy}");
        assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"), "{policy}");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("referrer-policy"), "strict-origin-when-cross-origin");
    }
}

#[tokio::test]
async fn a_page_is_whole_even_for_a_browser_that_has_an_older_one() {
    let open = open().await;
    let client = reqwest::Client::builder().no_proxy().build().expect("client");
    let answer = client
        .get(format!("http://{}/", open.shop.address()))
        .header("if-none-match", "*")
        .header("if-modified-since", "Fri, 31 Dec 2100 23:59:59 GMT")
        .header("range", "bytes=0-9")
        .send()
        .await
        .expect("answers");
    assert_eq!(answer.status(), 200);
    for name in ["etag", "last-modified"] {
        assert!(answer.headers().get(name).is_none(), "{name}");
    }
    assert_eq!(answer.text().await.expect("text").len(), PAGE.len());
}

#[tokio::test]
async fn it_closes_when_told() {
    let Open { shop, close, _dir } = open().await;
    let address = shop.address();
    close.send(()).expect("still open");
    shop.closed().await.expect("closes without a fault");
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn what_is_missing_or_taken_is_said_with_what_to_do() {
    let empty = tempfile::tempdir().expect("folder");
    let error = serve(options(empty.path()), std::future::pending()).await.expect_err("no storefront");
    assert!(error.to_string().contains("cargo xtask build"), "{error}");

    let open = open().await;
    let taken = Options { listen: open.shop.address(), ..options(open._dir.path()) };
    let error = serve(taken, std::future::pending()).await.expect_err("taken");
    assert!(matches!(error, ShopError::Taken(_)) && error.to_string().contains("--listen"), "{error}");
}
