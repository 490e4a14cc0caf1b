#include "connection.h"
#include "cxr_network.h"

namespace {

/// One step of the set-up: its failure names the file that a person has to look at.
bool step(const OFCondition &condition, const std::string &what, const char *path, cxr_message *message) {
    if (condition.bad()) {
        say(message, (what + " " + path + ": " + condition.text()).c_str());
    }
    return condition.good();
}

}  // namespace

cxr_tls *cxr_tls_new(const cxr_tls_settings *settings, cxr_message *message) {
    return guarded<cxr_tls *>(message, nullptr, [&]() -> cxr_tls * {
        static const bool initialized = [] {
            DcmTLSTransportLayer::initializeOpenSSL();
            return true;
        }();
        (void)initialized;
        auto layer = std::make_unique<DcmTLSTransportLayer>(
            settings->is_server ? NET_ACCEPTOR : NET_REQUESTOR, nullptr, OFFalse);
        if (!*layer) {
            say(message, "the TLS library could not be initialised");
            return nullptr;
        }
        // A key with a passphrase fails instead of asking at a console that nobody watches.
        layer->setPrivateKeyPasswd("");
        if (settings->private_key_path != nullptr &&
            (!step(
                 layer->setPrivateKeyFile(settings->private_key_path, DCF_Filetype_PEM), "private key",
                 settings->private_key_path, message) ||
             !step(
                 layer->setCertificateFile(settings->certificate_path, DCF_Filetype_PEM), "certificate",
                 settings->certificate_path, message))) {
            return nullptr;
        }
        if (settings->private_key_path != nullptr && !layer->checkPrivateKeyMatchesCertificate()) {
            say(message,
                (std::string("the private key ") + settings->private_key_path + " does not belong to the certificate " +
                 settings->certificate_path)
                    .c_str());
            return nullptr;
        }
        if (settings->trusted_certificates_path != nullptr &&
            !step(
                layer->addTrustedCertificateFile(settings->trusted_certificates_path, DCF_Filetype_PEM),
                "trusted certificates", settings->trusted_certificates_path, message)) {
            return nullptr;
        }
        layer->setCertificateVerification(
            settings->require_peer_certificate ? DCV_requireCertificate : DCV_ignoreCertificate);
        // DCMTK 3.6.7 has no profile named after RFC 8996; the non-downgrading one offers TLS 1.2 and later only, too.
        if (!step(layer->setTLSProfile(TSP_Profile_BCP195_ND), "TLS profile", "BCP 195", message) ||
            !step(layer->activateCipherSuites(), "cipher suites of", "BCP 195", message)) {
            return nullptr;
        }
        return new cxr_tls{std::move(layer)};
    });
}

void cxr_tls_free(cxr_tls *tls) { delete tls; }
