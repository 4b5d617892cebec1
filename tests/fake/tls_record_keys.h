// tests/fake/tls_record_keys.h: the peer of net::TlsRecords, written with other functions of OpenSSL: one
// direction of a connection, which can seal anything.
#pragma once

#include <openssl/evp.h>
#include <openssl/kdf.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace starling::fake {

class TlsRecordKeys {
public:
    TlsRecordKeys(const char* cipher, const char* hash, std::string secret)
        : cipher_(cipher), hash_(hash), secret_(std::move(secret)) {}

    void update() {
        secret_ = expand("traffic upd", secret_.size());
        sequence_ = 0;
    }
    std::string seal(std::string_view inner) {
        const size_t size = inner.size() + 16;
        std::string record = std::string("\x17\x03\x03") + char(size >> 8) + char(size & 255);
        const auto context = begin(record, true);
        std::string out(inner.size(), ' '), tag(16, ' ');
        int done = 0;
        EVP_CipherUpdate(context.get(), bytes(out), &done, bytes(inner), int(inner.size()));
        EVP_CipherFinal_ex(context.get(), bytes(out), &done);
        EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, 16, tag.data());
        return record + out + tag;
    }
    // The plaintext with its type; "-": it is not valid. `wire` loses the record.
    std::string open(std::string& wire) {
        const size_t size = size_t(uint8_t(wire.at(3))) << 8 | uint8_t(wire.at(4));
        std::string inner = wire.substr(5, size - 16), tag = wire.substr(5 + size - 16, 16);
        const auto context = begin(wire.substr(0, 5), false);
        int done = 0;
        EVP_CipherUpdate(context.get(), bytes(inner), &done, bytes(inner), int(inner.size()));
        EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, 16, tag.data());
        wire.erase(0, 5 + size);
        return EVP_CipherFinal_ex(context.get(), bytes(inner), &done) == 1 ? inner : "-";
    }

private:
    using Context = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;
    static unsigned char* bytes(std::string_view text) {
        return reinterpret_cast<unsigned char*>(const_cast<char*>(text.data()));
    }
    std::string expand(std::string_view label, size_t size) const {
        std::string info = std::string(1, '\0') + char(size) + char(6 + label.size()) + "tls13 ";
        info.append(label).push_back('\0');
        EVP_PKEY_CTX* const context = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, nullptr);
        EVP_PKEY_derive_init(context);
        EVP_PKEY_CTX_set_hkdf_mode(context, EVP_PKEY_HKDEF_MODE_EXPAND_ONLY);
        EVP_PKEY_CTX_set_hkdf_md(context, EVP_get_digestbyname(hash_));
        EVP_PKEY_CTX_set1_hkdf_key(context, bytes(secret_), int(secret_.size()));
        EVP_PKEY_CTX_add1_hkdf_info(context, bytes(info), int(info.size()));
        std::string result(size, ' ');
        EVP_PKEY_derive(context, bytes(result), &size);
        EVP_PKEY_CTX_free(context);
        return result;
    }
    Context begin(std::string_view header, bool encrypts) {
        Context context(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
        const EVP_CIPHER* const cipher = EVP_get_cipherbyname(cipher_);
        std::string iv = expand("iv", 12);
        for (int i = 0; i < 8; ++i) iv[size_t(11 - i)] ^= char(sequence_ >> (8 * i));
        ++sequence_;
        const std::string key = expand("key", size_t(EVP_CIPHER_get_key_length(cipher)));
        EVP_CipherInit_ex(context.get(), cipher, nullptr, bytes(key), bytes(iv), encrypts);
        int done = 0;
        EVP_CipherUpdate(context.get(), nullptr, &done, bytes(header), int(header.size()));
        return context;
    }

    const char* cipher_;
    const char* hash_;
    std::string secret_;
    uint64_t sequence_ = 0;
};

}  // namespace starling::fake
