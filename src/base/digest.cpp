#include "base/digest.h"

#include <openssl/params.h>

#include <memory>
#include <new>

#include "base/openssl.h"

namespace starling::base {
namespace {

using openssl::bytes;
using openssl::fetched;
using openssl::Free;

void require(bool good) {
    // With these arguments OpenSSL fails only if memory runs out.
    if (!good) throw std::bad_alloc();
}

std::string hex_of(const EVP_MD* algorithm, std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
    unsigned size = 0;
    require(EVP_Digest(text.data(), text.size(), hash.data(), &size, algorithm, nullptr) == 1);
    std::string out;
    out.reserve(size_t{2} * size);
    for (unsigned i = 0; i < size; ++i) {
        out += digits[hash[i] >> 4];
        out += digits[hash[i] & 15];
    }
    return out;
}

}  // namespace

// Each thread keeps a context with its algorithms: OpenSSL 3 looks an algorithm up by its name,
// which costs more than hashing a short text.
std::array<char, sha256_bytes> hmac_sha256(std::string_view key,
                                           std::initializer_list<std::string_view> parts) {
    using Context = std::unique_ptr<EVP_MAC_CTX, Free<EVP_MAC_CTX_free>>;
    static EVP_MAC* const hmac = fetched(EVP_MAC_fetch(nullptr, "HMAC", nullptr));
    thread_local const Context context = [] {
        Context made(EVP_MAC_CTX_new(hmac));
        char digest[] = "SHA256";
        const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string("digest", digest, 0),
                                         OSSL_PARAM_construct_end()};
        require(made && EVP_MAC_CTX_set_params(made.get(), parameters) == 1);
        return made;
    }();
    require(EVP_MAC_init(context.get(), bytes(key), key.size(), nullptr) == 1);
    for (const std::string_view part : parts)
        require(EVP_MAC_update(context.get(), bytes(part), part.size()) == 1);
    std::array<char, sha256_bytes> out;
    size_t size = 0;
    require(EVP_MAC_final(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size,
                          out.size()) == 1);
    return out;
}

std::array<char, sha256_bytes> sha256(std::string_view text) {
    static EVP_MD* const algorithm = fetched(EVP_MD_fetch(nullptr, "SHA256", nullptr));
    thread_local const openssl::DigestContext context(EVP_MD_CTX_new());
    std::array<char, sha256_bytes> out;
    require(context != nullptr && EVP_DigestInit_ex2(context.get(), algorithm, nullptr) == 1 &&
            EVP_DigestUpdate(context.get(), text.data(), text.size()) == 1 &&
            EVP_DigestFinal_ex(context.get(), reinterpret_cast<unsigned char*>(out.data()),
                               nullptr) == 1);
    return out;
}

std::string md5_hex(std::string_view text) {
    static const EVP_MD* const md5 = fetched(EVP_MD_fetch(nullptr, "MD5", nullptr));
    return hex_of(md5, text);
}

std::string sha1_hex(std::string_view text) {
    static const EVP_MD* const sha1 = fetched(EVP_MD_fetch(nullptr, "SHA1", nullptr));
    return hex_of(sha1, text);
}

}  // namespace starling::base
