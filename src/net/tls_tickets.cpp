#include "net/tls_tickets.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <ctime>
#include <new>

#include "base/openssl.h"

namespace starling::net {
namespace {

int on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
              EVP_MAC_CTX* mac, int encrypts) noexcept {
    using namespace std::chrono;
    const auto now = duration_cast<seconds>(steady_clock::now().time_since_epoch()).count();
    auto* const keys = static_cast<TlsTicketKeys*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
    const int answer =
        keys->prepare(encrypts == 1, name, iv, cipher, mac, static_cast<uint64_t>(now));
    // A client uses a ticket of TLS 1.3 once (RFC 8446 appendix C.4), so it needs the next one.
    // OpenSSL sends it by itself only if it has the keys.
    return answer == 1 && encrypts != 1 && SSL_version(ssl) == TLS1_3_VERSION ? 2 : answer;
}

// RFC 8446 section 4.6.1: tickets that follow from one another would make a session endless. So they
// all end `ticket_life_s` after the handshake with a certificate, as OpenSSL does it with TLS 1.2.
int on_new_ticket(SSL* ssl, void*) noexcept {
    SSL_SESSION* const session = SSL_get_session(ssl);
    const auto now = static_cast<int64_t>(std::time(nullptr));
    if (SSL_session_reused(ssl) != 1)
        return SSL_SESSION_set1_ticket_appdata(session, &now, sizeof now);
    void* data = nullptr;
    size_t size = 0;
    int64_t since = 0;
    if (SSL_SESSION_get0_ticket_appdata(session, &data, &size) != 1 || size != sizeof since)
        return 0;
    std::memcpy(&since, data, sizeof since);
    constexpr auto life = static_cast<int64_t>(TlsTicketKeys::ticket_life_s);
    const int64_t left = std::clamp<int64_t>(since + life - now, 1, life);
    if (SSL_version(ssl) == TLS1_3_VERSION)
        SSL_SESSION_set_timeout(session, static_cast<long>(left));
    return 1;
}

}  // namespace

TlsTicketKeys::Key::~Key() { OPENSSL_cleanse(this, sizeof *this); }

uint64_t TlsTicketKeys::latest(uint64_t now_s) noexcept {
    return latest_s_ = std::max(latest_s_, now_s);
}

std::optional<TlsTicketKeys::Key> TlsTicketKeys::for_new_ticket(uint64_t now_s) {
    const std::lock_guard lock(mutex_);
    now_s = latest(now_s);
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
    now_s = latest(now_s);
    forget_old(now_s);
    const auto found = std::ranges::find_if(
        kept_, [&](const Kept& one) { return std::ranges::equal(one.key.name, name); });
    if (found == kept_.end()) return std::nullopt;
    return found->key;
}

size_t TlsTicketKeys::kept(uint64_t now_s) {
    const std::lock_guard lock(mutex_);
    now_s = latest(now_s);
    forget_old(now_s);
    return kept_.size();
}

void TlsTicketKeys::forget_old(uint64_t now_s) {
    const auto is_young = [&](const Kept& one) {
        return now_s - one.made_s < makes_s + ticket_life_s;
    };
    const auto first = std::ranges::find_if(kept_, is_young);
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
        // Fetched once and never freed; OpenSSL looks EVP_aes_256_cbc() up by its name each time.
        static const EVP_CIPHER* const aes =
            base::openssl::fetched(EVP_CIPHER_fetch(nullptr, "AES-256-CBC", nullptr));
        const bool ready = EVP_CipherInit_ex2(cipher, aes, key->cipher.data(), iv, encrypts ? 1 : 0,
                                              nullptr) == 1 &&
                           EVP_MAC_CTX_set_params(mac, of_mac) == 1;
        const std::lock_guard lock(mutex_);
        now_s = latest(now_s);
        const bool is_newest = !kept_.empty() && kept_.back().key.name == key->name &&
                               now_s - kept_.back().made_s < makes_s;
        return !ready ? -1 : is_newest ? 1 : 2;
    } catch (const std::bad_alloc&) {
        return -1;
    }
}

void use_tickets(SSL_CTX& context, TlsTicketKeys& keys) {
    SSL_CTX_set_app_data(&context, &keys);
    SSL_CTX_set_tlsext_ticket_key_evp_cb(&context, &on_ticket);
    SSL_CTX_set_session_ticket_cb(&context, &on_new_ticket, nullptr, nullptr);
    SSL_CTX_set_timeout(&context, static_cast<long>(TlsTicketKeys::ticket_life_s));
}

}  // namespace starling::net
