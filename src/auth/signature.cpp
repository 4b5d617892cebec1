#include "auth/signature.h"

#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <array>
#include <new>
#include <stdexcept>
#include <utility>

#include "base/digest.h"
#include "base/openssl.h"

namespace starling::auth {
namespace {

constexpr size_t secret_bytes_min = 32;  // RFC 7518 section 3.2: the size of the hash.
constexpr int rsa_bits_min = 2048;       // RFC 7518 section 3.3.
constexpr int rsa_bits_max = 16384;      // OpenSSL's limit for verification.
constexpr size_t material_bytes_max = 65536;
constexpr int coordinate_bytes = 32;  // RFC 7518 section 3.4: r and s of P-256.

// Drops the errors that a failed verification leaves in the thread's OpenSSL error queue. TLS on
// this thread would take those errors for a connection's fault.
struct ErrorMark {
    ErrorMark() noexcept { ERR_set_mark(); }
    ~ErrorMark() { ERR_pop_to_mark(); }
    ErrorMark(const ErrorMark&) = delete;
    ErrorMark& operator=(const ErrorMark&) = delete;
};

using base::openssl::bytes;
using base::openssl::no_password;
using EcdsaSignature = std::unique_ptr<ECDSA_SIG, base::openssl::Free<ECDSA_SIG_free>>;

void check_secret(std::string_view secret) {
    if (secret.size() < secret_bytes_min)
        throw std::invalid_argument("an HS256 secret has 32 bytes at least (RFC 7518 section 3.2)");
    // Refuses a public key as an HS256 secret: a public key is known to everyone (algorithm
    // confusion attack).
    if (secret.find("-----BEGIN ") != std::string_view::npos)
        throw std::invalid_argument("a PEM file is no HS256 secret; is the algorithm right?");
}

EVP_PKEY* read_public_key(std::string_view pem) {
    if (pem.find("PRIVATE KEY-----") != std::string_view::npos)
        throw std::invalid_argument("is a private key; give the public one alone");
    const size_t begin = pem.find("-----BEGIN ");
    if (begin == std::string_view::npos ||
        pem.find("-----BEGIN ", begin + 1) != std::string_view::npos)
        throw std::invalid_argument("want one public key in PEM");
    const base::openssl::Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    EVP_PKEY* key = bio ? PEM_read_bio_PUBKEY(bio.get(), nullptr, no_password, nullptr) : nullptr;
    if (key == nullptr) throw std::invalid_argument("is not a readable public key in PEM");
    return key;
}

void check_rsa(const EVP_PKEY* key) {
    // An RSA-PSS key has another type, and must not verify RS256, whose padding is different.
    if (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA)
        throw std::invalid_argument("RS256 wants an RSA key");
    const int bits = EVP_PKEY_get_bits(key);
    if (bits < rsa_bits_min || bits > rsa_bits_max)
        throw std::invalid_argument("RS256 wants 2048 to 16384 bits (RFC 7518 section 3.3)");
}

void check_ec(const EVP_PKEY* key) {
    std::array<char, 64> group{};
    size_t length = 0;
    if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC ||
        EVP_PKEY_get_group_name(key, group.data(), group.size(), &length) != 1 ||
        std::string_view(group.data(), length) != "prime256v1")
        throw std::invalid_argument("ES256 wants a key on P-256 (RFC 7518 section 3.4)");
}

bool verify_hmac(std::string_view secret, std::string_view text, std::string_view signature) {
    try {
        const auto expected = base::hmac_sha256(secret, {text});
        return signature.size() == expected.size() &&
               CRYPTO_memcmp(expected.data(), signature.data(), expected.size()) == 0;
    } catch (const std::bad_alloc&) {
        return false;
    }
}

// Converts r and s, which RFC 7518 section 3.4 concatenates, to the DER form of OpenSSL. "" on
// failure.
std::string der_of(std::string_view signature) {
    if (signature.size() != 2 * coordinate_bytes) return {};
    const EcdsaSignature pair(ECDSA_SIG_new());
    BIGNUM* r = BN_bin2bn(bytes(signature), coordinate_bytes, nullptr);
    BIGNUM* s = BN_bin2bn(bytes(signature) + coordinate_bytes, coordinate_bytes, nullptr);
    if (!pair || r == nullptr || s == nullptr || ECDSA_SIG_set0(pair.get(), r, s) != 1) {
        BN_free(r);
        BN_free(s);
        return {};
    }
    std::array<unsigned char, 80> der{};  // 72 are used: a SEQUENCE of two INTEGERs of 33 bytes.
    if (i2d_ECDSA_SIG(pair.get(), nullptr) > static_cast<int>(der.size())) return {};
    unsigned char* end = der.data();
    const int length = i2d_ECDSA_SIG(pair.get(), &end);
    if (length <= 0) return {};
    return {reinterpret_cast<const char*>(der.data()), static_cast<size_t>(length)};
}

}  // namespace

std::string_view algorithm_name(Algorithm algorithm) noexcept {
    switch (algorithm) {
        case Algorithm::hs256: return "HS256";
        case Algorithm::rs256: return "RS256";
        case Algorithm::es256: return "ES256";
    }
    return "";
}

VerifyingKey::VerifyingKey(Key key)
    : id_(std::move(key.id)), algorithm_(key.algorithm), public_key_(nullptr, EVP_PKEY_free) {
    const ErrorMark mark;
    if (key.material.size() > material_bytes_max)
        throw std::invalid_argument("is longer than 64 KiB");
    if (algorithm_ == Algorithm::hs256) {
        check_secret(key.material);
        secret_ = std::move(key.material);
        return;
    }
    public_key_.reset(read_public_key(key.material));
    if (algorithm_ == Algorithm::rs256)
        check_rsa(public_key_.get());
    else
        check_ec(public_key_.get());
}

bool VerifyingKey::verify(std::string_view text, std::string_view signature) const noexcept {
    const ErrorMark mark;
    if (algorithm_ == Algorithm::hs256) return verify_hmac(secret_, text, signature);
    if (algorithm_ == Algorithm::rs256) {
        return signature.size() == static_cast<size_t>(EVP_PKEY_get_size(public_key_.get())) &&
               verify_public(text, signature);
    }
    const std::string der = der_of(signature);
    return !der.empty() && verify_public(text, der);
}

bool VerifyingKey::verify_public(std::string_view text, std::string_view signature) const noexcept {
    const base::openssl::DigestContext context(EVP_MD_CTX_new());
    // OpenSSL's default padding for RSA is RSASSA-PKCS1-v1_5, as RS256 requires.
    return context &&
           EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, public_key_.get()) ==
               1 &&
           EVP_DigestVerify(context.get(), bytes(signature), signature.size(), bytes(text),
                            text.size()) == 1;
}

}  // namespace starling::auth
