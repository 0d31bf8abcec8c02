//! TLS, with a certificate that lasts longer than this project.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::harness::Place;

/// Makes a certificate for the address of this machine.
fn make(cert: &Path, key: &Path, name: &str) {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])
        .args(["-nodes", "-days", "2", "-subj", &format!("/CN={name}")])
        .args(["-addext", "subjectAltName=IP:127.0.0.1"])
        .arg("-keyout")
        .arg(key)
        .arg("-out")
        .arg(cert)
        .output();
    let made = made.unwrap_or_else(|error| panic!("openssl: {error}: `apt-get install openssl`"));
    assert!(made.status.success(), "{made:?}");
}

#[test]
fn it_speaks_tls_and_http_2() {
    let place = Place::new();
    let (cert, key) = (place.path().join("cert.pem"), place.path().join("key.pem"));
    make(&cert, &key, "localhost");
    let args = ["--tls-cert", cert.to_str().unwrap(), "--tls-key", key.to_str().unwrap()];
    let daemon = place.start(&args);
    assert!(daemon.said.iter().any(|line| line.contains("https://")), "{:?}", daemon.said);
    let url = format!("https://{}/healthz", daemon.address);
    let curl = Command::new("curl")
        .args(["--silent", "--http2", "--write-out", "%{http_version} %{http_code}", "--cacert"])
        .arg(&cert)
        .arg(url)
        .output();
    let answer = curl.expect("there is no curl: `apt-get install curl`");
    assert_eq!(String::from_utf8(answer.stdout).unwrap(), "ok\n2 200");

    fs::write(&key, "nonsense").unwrap();
    let check = [&args[..], &["--check"]].concat();
    for args in [&args[..], &check] {
        let (code, _, err) = place.run(args);
        assert!(code == 2 && err.contains("tls_key: ") && err.contains("key.pem"), "{err}");
    }
    for content in ["", "nonsense", "-----BEGIN CERTIFICATE-----\n"] {
        fs::write(&cert, content).unwrap();
        let (code, _, err) = place.run(&check);
        assert!(code == 2 && err.contains("tls_cert: ") && err.contains("cert.pem"), "{err}");
    }
    fs::remove_file(&cert).unwrap();
    let (code, _, err) = place.run(&check);
    assert!(code == 2 && err.contains("tls_cert: ") && err.contains("No such file"), "{err}");
}

#[test]
fn a_new_certificate_is_served_without_a_restart() {
    let place = Place::new();
    let (cert, key) = (place.path().join("cert.pem"), place.path().join("key.pem"));
    make(&cert, &key, "first.example");
    let args = ["--tls-cert", cert.to_str().unwrap(), "--tls-key", key.to_str().unwrap()];
    let mut daemon = place.start(&args);
    let served = || {
        let shown = Command::new("openssl")
            .args(["s_client", "-connect", &daemon.address])
            .stdin(std::process::Stdio::null())
            .output();
        String::from_utf8_lossy(&shown.unwrap().stdout).into_owned()
    };
    assert!(served().contains("first.example"));
    fs::write(&cert, "nonsense").unwrap();
    daemon.signal("HUP");
    assert!(served().contains("first.example"), "what is not usable is not served");
    make(&cert, &key, "second.example");
    daemon.signal("HUP");
    while !served().contains("second.example") {}
    daemon.signal("TERM");
    let (status, log) = daemon.wait();
    assert!(status.success() && log.contains("the certificate was read again"), "{log}");
}
