#include "net/tls_tickets.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <algorithm>
#include <new>

namespace starling::net {

TlsTicketKeys::~TlsTicketKeys() {
    for (Kept& one : kept_) OPENSSL_cleanse(&one.key, sizeof one.key);
}

std::optional<TlsTicketKeys::Key> TlsTicketKeys::for_new_ticket(uint64_t now_s) {
    const std::lock_guard lock(mutex_);
    forget_old(now_s);
    if (kept_.empty() || now_s - kept_.back().made_s >= makes_s) {
        Kept made{{}, now_s};
        if (RAND_bytes(made.key.name.data(), static_cast<int>(made.key.name.size())) != 1 ||
            RAND_priv_bytes(made.key.cipher.data(), static_cast<int>(made.key.cipher.size())) !=
                1 ||
            RAND_priv_bytes(made.key.mac.data(), static_cast<int>(made.key.mac.size())) != 1)
            return std::nullopt;
        kept_.push_back(made);
    }
    return kept_.back().key;
}

std::optional<TlsTicketKeys::Key> TlsTicketKeys::named(std::span<const unsigned char, 16> name,
                                                       uint64_t now_s) {
    const std::lock_guard lock(mutex_);
    forget_old(now_s);
    const auto found = std::ranges::find_if(
        kept_, [&](const Kept& one) { return std::ranges::equal(one.key.name, name); });
    if (found == kept_.end()) return std::nullopt;
    return found->key;
}

size_t TlsTicketKeys::kept(uint64_t now_s) {
    const std::lock_guard lock(mutex_);
    forget_old(now_s);
    return kept_.size();
}

void TlsTicketKeys::forget_old(uint64_t now_s) {
    const auto is_young = [&](const Kept& one) {
        return now_s - one.made_s < makes_s + ticket_life_s;
    };
    const auto first = std::ranges::find_if(kept_, is_young);
    for (auto old = kept_.begin(); old != first; ++old) OPENSSL_cleanse(&old->key, sizeof old->key);
    kept_.erase(kept_.begin(), first);
}

int TlsTicketKeys::prepare(bool encrypts, unsigned char* name, unsigned char* iv,
                           EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, uint64_t now_s) noexcept {
    try {
        const std::span<unsigned char, 16> of_ticket(name, 16);
        auto key = encrypts ? for_new_ticket(now_s) : named(of_ticket, now_s);
        if (!key) return encrypts ? -1 : 0;
        constexpr int iv_bytes = 16;
        if (encrypts) {
            std::ranges::copy(key->name, of_ticket.begin());
            if (RAND_bytes(iv, iv_bytes) != 1) return -1;
        }
        char hash[] = "SHA256";
        const OSSL_PARAM of_mac[] = {
            OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->mac.data(), key->mac.size()),
            OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, hash, 0),
            OSSL_PARAM_construct_end()};
        const bool ready = EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key->cipher.data(),
                                             iv, encrypts ? 1 : 0) == 1 &&
                           EVP_MAC_CTX_set_params(mac, of_mac) == 1;
        const std::lock_guard lock(mutex_);
        const bool is_newest = !kept_.empty() && kept_.back().key.name == key->name &&
                               now_s - kept_.back().made_s < makes_s;
        OPENSSL_cleanse(&*key, sizeof *key);
        return !ready ? -1 : is_newest ? 1 : 2;
    } catch (const std::bad_alloc&) {
        return -1;
    }
}

}  // namespace starling::net
