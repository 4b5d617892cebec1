#include "app/token/signing_key.h"

#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <stdexcept>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "base/openssl.h"

namespace starling::app {
namespace {

using auth::Algorithm;

struct AlgorithmName {
    Algorithm algorithm;
    std::string_view name;
};
constexpr AlgorithmName algorithm_names[] = {
    {Algorithm::hs256, "HS256"}, {Algorithm::rs256, "RS256"}, {Algorithm::es256, "ES256"}};

using base::openssl::bytes;
using base::openssl::no_password;
using EcdsaSignature = std::unique_ptr<ECDSA_SIG, base::openssl::Free<ECDSA_SIG_free>>;

constexpr int coordinate_bytes = 32;  // RFC 7518 section 3.4: r and s of P-256.

// What an Authenticator says about the key; "" if it takes the key.
std::string refusal(Algorithm algorithm, const std::string& material) {
    constexpr std::string_view prefix = "auth: keys[0]: ";
    try {
        const auth::Authenticator probe({.keys = {{.algorithm = algorithm, .material = material}}});
    } catch (const std::invalid_argument& error) {
        const std::string_view text = error.what();
        return std::string(text.starts_with(prefix) ? text.substr(prefix.size()) : text);
    }
    return {};
}

std::string public_pem(EVP_PKEY* key) {
    const base::openssl::Bio bio(BIO_new(BIO_s_mem()));
    if (!bio || PEM_write_bio_PUBKEY(bio.get(), key) != 1) return {};
    const char* text = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &text);
    return {text, static_cast<size_t>(size)};
}

// Converts the DER form of OpenSSL to r and s, which RFC 7518 section 3.4 concatenates. "" on
// failure.
std::string concatenated(std::string_view der) {
    const unsigned char* position = bytes(der);
    const EcdsaSignature pair(d2i_ECDSA_SIG(nullptr, &position, static_cast<long>(der.size())));
    std::string out(2 * coordinate_bytes, '\0');
    auto* const to = reinterpret_cast<unsigned char*>(out.data());
    if (!pair ||
        BN_bn2binpad(ECDSA_SIG_get0_r(pair.get()), to, coordinate_bytes) != coordinate_bytes ||
        BN_bn2binpad(ECDSA_SIG_get0_s(pair.get()), to + coordinate_bytes, coordinate_bytes) !=
            coordinate_bytes)
        return {};
    return out;
}

// Why `pem` holds no private key that can be read.
const char* unreadable(const std::string& pem) {
    if (pem.find("PUBLIC KEY-----") != std::string::npos)
        return "is a public key, which verifies tokens; signing needs the private one";
    if (pem.find("BEGIN CERTIFICATE-----") != std::string::npos &&
        pem.find("PRIVATE KEY-----") == std::string::npos)
        return "is a certificate; signing needs the private key";
    if (pem.find("ENCRYPTED") != std::string::npos)
        return "is encrypted; `openssl pkey -in FILE` decrypts it";
    return "is not a readable private key in PEM";
}

}  // namespace

std::optional<Algorithm> algorithm_named(std::string_view name) noexcept {
    for (const AlgorithmName& row : algorithm_names)
        if (row.name == name) return row.algorithm;
    return std::nullopt;
}

std::string_view name_of(Algorithm algorithm) noexcept {
    for (const AlgorithmName& row : algorithm_names)
        if (row.algorithm == algorithm) return row.name;
    return {};
}

SigningKey::SigningKey(Algorithm algorithm, std::string verifying, PrivateKey key)
    : algorithm_(algorithm), verifying_(std::move(verifying)), key_(std::move(key)) {}

base::Result<SigningKey> SigningKey::read(std::string material,
                                          std::optional<Algorithm> algorithm) {
    const bool pem = material.find("-----BEGIN ") != std::string::npos;
    if (pem && algorithm != Algorithm::hs256) return read_pem(material, algorithm);
    const Algorithm chosen = algorithm.value_or(Algorithm::hs256);
    if (chosen != Algorithm::hs256)
        return base::Failure(std::string(name_of(chosen)) +
                             " wants a private key in PEM; this is none");
    std::string why = refusal(Algorithm::hs256, material);
    if (!why.empty()) return base::Failure(std::move(why));
    return SigningKey(Algorithm::hs256, std::move(material), PrivateKey(nullptr, EVP_PKEY_free));
}

base::Result<SigningKey> SigningKey::read_pem(const std::string& pem,
                                              std::optional<Algorithm> algorithm) {
    const base::openssl::Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    PrivateKey key(
        bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr) : nullptr,
        EVP_PKEY_free);
    ERR_clear_error();
    if (!key) return base::Failure(unreadable(pem));
    const int type = EVP_PKEY_get_base_id(key.get());
    if (!algorithm) {
        if (type != EVP_PKEY_RSA && type != EVP_PKEY_EC)
            return base::Failure("is neither an RSA key (RS256) nor a key on P-256 (ES256)");
        algorithm = type == EVP_PKEY_RSA ? Algorithm::rs256 : Algorithm::es256;
    }
    std::string verifying = public_pem(key.get());
    std::string why = refusal(*algorithm, verifying);
    if (!why.empty()) return base::Failure(std::move(why));
    return SigningKey(*algorithm, std::move(verifying), std::move(key));
}

std::string SigningKey::sign(std::string_view text) const {
    if (!key_) {
        const auto digest = base::hmac_sha256(verifying_, {text});
        return {digest.data(), digest.size()};
    }
    const base::openssl::DigestContext context(EVP_MD_CTX_new());
    // OpenSSL's default padding for RSA is RSASSA-PKCS1-v1_5, as RS256 requires.
    size_t size = 0;
    if (!context ||
        EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) != 1 ||
        EVP_DigestSign(context.get(), nullptr, &size, bytes(text), text.size()) != 1)
        return {};
    std::string signature(size, '\0');
    if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                       bytes(text), text.size()) != 1)
        return {};
    signature.resize(size);
    return algorithm_ == Algorithm::es256 ? concatenated(signature) : signature;
}

}  // namespace starling::app
