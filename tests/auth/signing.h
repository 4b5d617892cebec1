// tests/auth/signing.h: keys made for one run, and tokens signed with OpenSSL.
#pragma once

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <array>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace starling::auth::test {

inline std::string base64url(std::string_view bytes) {
    std::string out(bytes.size() / 3 * 4 + 5, '\0');
    const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                       reinterpret_cast<const unsigned char*>(bytes.data()),
                                       static_cast<int>(bytes.size()));
    out.resize(static_cast<size_t>(length));
    while (out.ends_with('=')) out.pop_back();
    for (char& c : out) c = c == '+' ? '-' : c == '/' ? '_' : c;
    return out;
}

inline std::string hs256(std::string_view secret, std::string_view text) {
    std::array<unsigned char, 32> mac{};
    unsigned length = 0;
    HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
         reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac.data(), &length);
    return {reinterpret_cast<const char*>(mac.data()), length};
}

class KeyPair {
public:
    explicit KeyPair(EVP_PKEY* key) : key_(key, EVP_PKEY_free) {
        if (!key_) throw std::runtime_error("no key");
    }
    static KeyPair rsa(unsigned bits = 2048) { return KeyPair(EVP_RSA_gen(bits)); }
    static KeyPair ec(const char* curve = "P-256") { return KeyPair(EVP_EC_gen(curve)); }
    // "RSA-PSS" or "ED25519", with OpenSSL's defaults.
    static KeyPair of_type(const char* type) {
        const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(
            EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr), EVP_PKEY_CTX_free);
        EVP_PKEY* key = nullptr;
        if (EVP_PKEY_keygen_init(context.get()) != 1 || EVP_PKEY_generate(context.get(), &key) != 1)
            throw std::runtime_error("no key");
        return KeyPair(key);
    }

    [[nodiscard]] std::string public_pem() const {
        return pem([&](BIO* bio) { return PEM_write_bio_PUBKEY(bio, key_.get()); });
    }
    [[nodiscard]] std::string private_pem() const {
        return pem([&](BIO* bio) {
            return PEM_write_bio_PrivateKey(bio, key_.get(), nullptr, nullptr, 0, nullptr, nullptr);
        });
    }

    // An RSA key signs as RS256 requires. An EC key gives a DER signature, OpenSSL's form.
    [[nodiscard]] std::string sign(std::string_view text, const EVP_MD* hash = EVP_sha256()) const {
        const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                              EVP_MD_CTX_free);
        std::string out(1024, '\0');
        size_t length = out.size();
        if (EVP_DigestSignInit(context.get(), nullptr, hash, nullptr, key_.get()) != 1 ||
            EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &length,
                           reinterpret_cast<const unsigned char*>(text.data()), text.size()) != 1)
            throw std::runtime_error("no signature");
        out.resize(length);
        return out;
    }
    // An ES256 signature in the form of RFC 7518 section 3.4: r and s with `bytes` bytes each.
    [[nodiscard]] std::string es256(std::string_view text, int bytes = 32) const {
        const std::string der = sign(text);
        const auto* begin = reinterpret_cast<const unsigned char*>(der.data());
        const std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> pair(
            d2i_ECDSA_SIG(nullptr, &begin, static_cast<long>(der.size())), ECDSA_SIG_free);
        std::string out(static_cast<size_t>(2 * bytes), '\0');
        auto* data = reinterpret_cast<unsigned char*>(out.data());
        BN_bn2binpad(ECDSA_SIG_get0_r(pair.get()), data, bytes);
        BN_bn2binpad(ECDSA_SIG_get0_s(pair.get()), data + bytes, bytes);
        return out;
    }

private:
    template <class Write>
    static std::string pem(Write write) {
        const std::unique_ptr<BIO, decltype(&BIO_free_all)> bio(BIO_new(BIO_s_mem()), BIO_free_all);
        if (write(bio.get()) != 1) throw std::runtime_error("no PEM");
        char* data = nullptr;
        const long length = BIO_get_mem_data(bio.get(), &data);
        return {data, static_cast<size_t>(length)};
    }

    std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key_;
};

// Made once for all tests, since generating an RSA key is slow.
inline const KeyPair& rsa_key() {
    static const KeyPair key = KeyPair::rsa();
    return key;
}
inline const KeyPair& other_rsa_key() {
    static const KeyPair key = KeyPair::rsa();
    return key;
}
inline const KeyPair& ec_key() {
    static const KeyPair key = KeyPair::ec();
    return key;
}

inline const std::string secret = "an HS256 secret of 32 bytes, or more";

// The signed part of a token: header and claims, each given as JSON text.
inline std::string unsigned_token(std::string_view header, std::string_view claims) {
    return base64url(header) + "." + base64url(claims);
}
inline std::string with(const std::string& text, std::string_view signature) {
    return text + "." + base64url(signature);
}
inline std::string hs_token(std::string_view claims,
                            std::string_view header = R"({"alg":"HS256","typ":"JWT"})",
                            std::string_view key = secret) {
    const std::string text = unsigned_token(header, claims);
    return with(text, hs256(key, text));
}

}  // namespace starling::auth::test
