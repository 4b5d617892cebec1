#include "net/tls_failure.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>

#include "base/openssl.h"

namespace starling::net {
namespace {

using Kind = TlsFailure::Kind;

// A certificate can hold any bytes.
std::string printable(std::string text) {
    std::ranges::replace_if(
        text, [](char c) { return c < ' ' || c > '~'; }, '?');
    return text;
}

std::string text_of(const ASN1_STRING* string) {
    return printable({reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
                      static_cast<size_t>(ASN1_STRING_length(string))});
}

std::string ip_text(const ASN1_OCTET_STRING* bytes) {
    char text[INET6_ADDRSTRLEN] = "?";
    if (const int size = ASN1_STRING_length(bytes); size == 4 || size == 16)
        ::inet_ntop(size == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(bytes), text,
                    sizeof text);
    return text;
}

// The names of a certificate, the first ones of many.
std::string names_of(X509& certificate) {
    constexpr int names_max = 5;
    constexpr size_t name_bytes_max = 100;
    const std::unique_ptr<GENERAL_NAMES, void (*)(GENERAL_NAMES*)> names(
        static_cast<GENERAL_NAMES*>(
            X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr)),
        &GENERAL_NAMES_free);
    std::string text;
    const int count = names ? sk_GENERAL_NAME_num(names.get()) : 0;
    for (int i = 0; i < std::min(count, names_max); ++i) {
        const GENERAL_NAME* const name = sk_GENERAL_NAME_value(names.get(), i);
        if (!text.empty()) text += ", ";
        if (name->type == GEN_DNS)
            text += text_of(name->d.dNSName).substr(0, name_bytes_max);
        else if (name->type == GEN_IPADD)
            text += ip_text(name->d.iPAddress);
        else
            text += "?";
    }
    if (count > names_max) text += ", ...";
    return text.empty() ? "no host" : text;
}

std::string date_of(const ASN1_TIME* time) {
    const base::openssl::Bio out(BIO_new(BIO_s_mem()));
    if (!out || ASN1_TIME_print_ex(out.get(), time, ASN1_DTFLGS_ISO8601) != 1) return "?";
    char* text = nullptr;
    const long size = BIO_get_mem_data(out.get(), &text);
    return printable({text, static_cast<size_t>(size)});
}

}  // namespace

TlsFailure describe_certificate_failure(X509_STORE_CTX& verification, const std::string& host) {
    X509* const certificate = X509_STORE_CTX_get_current_cert(&verification);
    const int why = X509_STORE_CTX_get_error(&verification);
    const bool is_servers = X509_STORE_CTX_get_error_depth(&verification) == 0;
    const std::string subject = is_servers ? "the certificate" : "the certificate of an authority";
    switch (why) {
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return {Kind::expired, subject + " has expired (it was valid until " +
                                       date_of(X509_get0_notAfter(certificate)) + ")"};
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return {Kind::expired, subject + " is not valid yet (it will be from " +
                                       date_of(X509_get0_notBefore(certificate)) + " on)"};
        case X509_V_ERR_HOSTNAME_MISMATCH:
        case X509_V_ERR_IP_ADDRESS_MISMATCH:
            return {Kind::host,
                    "the certificate is not for " + host + "; it names " + names_of(*certificate)};
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
            return {Kind::untrusted, "the certificate is self-signed and not trusted"};
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
            return {Kind::untrusted, "the issuer of the certificate is not trusted"};
        default:
            return {Kind::other, subject + " is not valid: " + X509_verify_cert_error_string(why)};
    }
}

TlsFailure describe_tls_failure() {
    const unsigned long error = ERR_peek_error();
    const int reason = ERR_GET_REASON(error);
    if (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_UNSUPPORTED_PROTOCOL)
        return {Kind::other, "the server does not speak TLS 1.2 or 1.3"};
    const char* const text = error ? ERR_reason_error_string(error) : nullptr;
    if (!text) return {Kind::other, "the TLS connection failed"};
    // "tlsv13 alert certificate required": what the server says.
    const std::string_view words(text);
    const size_t alert = words.find("alert ");
    if (reason >= SSL_AD_REASON_OFFSET && alert != std::string_view::npos)
        return {Kind::other, "the server refuses TLS: " + std::string(words.substr(alert + 6))};
    return {Kind::other, "the TLS connection failed: " + std::string(words)};
}

}  // namespace starling::net
