use anyhow::Result;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

/// A certificate with its key, both PEM.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// The keys and certificates of one API server.
#[derive(Debug)]
pub(crate) struct Pki {
    /// The certificate of the authority, PEM.
    pub(crate) authority: String,
    pub(crate) server: Identity,
    /// A member of `system:masters`.
    pub(crate) admin: Identity,
    /// Signs the tokens of `ServiceAccounts`, PEM.
    pub(crate) service_account_key: String,
    /// Verifies the tokens of `ServiceAccounts`, PEM.
    pub(crate) service_account_public_key: String,
}

impl Pki {
    pub(crate) fn generate() -> Result<Self> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        params
            .distinguished_name
            .push(DnType::CommonName, "kubectl-bridge testbed");
        let key = KeyPair::generate()?;
        let authority = params.self_signed(&key)?.pem();
        let issuer = Issuer::new(params, key);

        let mut server = CertificateParams::new(vec!["127.0.0.1".to_owned(), "localhost".to_owned()])?;
        server
            .distinguished_name
            .push(DnType::CommonName, "kube-apiserver");
        let mut admin = CertificateParams::default();
        admin.distinguished_name.push(DnType::CommonName, "testbed-admin");
        admin
            .distinguished_name
            .push(DnType::OrganizationName, "system:masters");
        let service_account = KeyPair::generate()?;
        Ok(Self {
            authority,
            server: signed(server, ExtendedKeyUsagePurpose::ServerAuth, &issuer)?,
            admin: signed(admin, ExtendedKeyUsagePurpose::ClientAuth, &issuer)?,
            service_account_key: service_account.serialize_pem(),
            service_account_public_key: service_account.public_key_pem(),
        })
    }
}

fn signed(
    mut params: CertificateParams,
    usage: ExtendedKeyUsagePurpose,
    issuer: &Issuer<'_, KeyPair>,
) -> Result<Identity> {
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![usage];
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, issuer)?.pem();
    Ok(Identity {
        certificate,
        key: key.serialize_pem(),
    })
}
