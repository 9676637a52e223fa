//! An authority that dies between the right code and the certificate.

use std::sync::atomic::Ordering;

use countersign_set::message::registration::CertStatusCode;

use super::known;

#[tokio::test]
async fn a_process_that_dies_between_the_right_code_and_the_certificate_costs_neither_code_nor_attempt()
 {
    // Wrong codes before the right one, and after it: three are too many, as ever.
    for (wrong, later) in [(0, 0), (0, 1), (0, 2), (0, 3), (1, 1), (2, 0), (2, 1)] {
        let registry = known().await;
        let registrant = registry.registrant();
        let (registration, _) = registry.request(&registrant).await.unwrap();
        let (_, code, _) = registry.phone().await.unwrap();
        for _ in 0..wrong {
            registry.prove(&registration, &registrant, "000000").await.unwrap();
        }
        registry.register.dies.store(true, Ordering::SeqCst);
        for _ in 0..4 {
            assert!(registry.prove(&registration, &registrant, &code).await.is_err());
        }
        registry.register.dies.store(false, Ordering::SeqCst);
        // Another code says nothing of the one that was right.
        for _ in 0..later {
            let other = registry.prove(&registration, &registrant, "000000").await.unwrap();
            assert!(other.certificates.is_empty());
        }
        let done = registry.prove(&registration, &registrant, &code).await.unwrap();
        if wrong + later == 3 {
            assert_eq!(done.status, CertStatusCode::CodeLocked, "{wrong} {later}");
            assert_eq!(registry.register.count(), 0);
            continue;
        }
        assert_eq!(done.status, CertStatusCode::RequestComplete, "{wrong} {later}");
        let again = registry.prove(&registration, &registrant, &code).await.unwrap();
        assert_eq!(again.certificates, done.certificates);
        assert_eq!(registry.register.count(), 1);
    }
}

#[tokio::test]
async fn a_right_code_whose_certificate_was_never_made_is_good_as_long_as_any_code() {
    let registry = known().await;
    let registrant = registry.registrant();
    let (registration, _) = registry.request(&registrant).await.unwrap();
    let (_, code, _) = registry.phone().await.unwrap();
    registry.register.dies.store(true, Ordering::SeqCst);
    assert!(registry.prove(&registration, &registrant, &code).await.is_err());
    registry.register.dies.store(false, Ordering::SeqCst);
    registry.fixture.clock.advance_seconds(301);
    let late = registry.prove(&registration, &registrant, &code).await.unwrap();
    assert_eq!(late.status, CertStatusCode::CodeExpired);
    assert_eq!(registry.register.count(), 0);
}
