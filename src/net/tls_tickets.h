// net/tls_tickets.h: the keys that encrypt session tickets (RFC 5077 section 4, RFC 8446 section 4.6.1).
//
// A ticket holds the secret of a session. Its key can decrypt recorded connections of TLS 1.2 that were
// resumed with the ticket. So a key has a short life: it makes tickets for one hour, and reads them for
// two more hours, which is how long they are valid.
//
// Owner: the TlsContexts that came from one another by reload, together. Thread: any.
#pragma once

#include <openssl/ssl.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

namespace starling::net {

class TlsTicketKeys {
public:
    static constexpr uint64_t makes_s = 3600;
    static constexpr uint64_t ticket_life_s = 7200;

    // Each copy is wiped at its end.
    struct Key {
        Key() = default;
        Key(const Key&) = default;
        Key& operator=(const Key&) = default;
        ~Key();
        std::array<unsigned char, 16> name;  // In the clear, at the front of each ticket.
        std::array<unsigned char, 32> cipher, mac;
    };

    TlsTicketKeys() = default;
    ~TlsTicketKeys() = default;
    TlsTicketKeys(const TlsTicketKeys&) = delete;
    TlsTicketKeys& operator=(const TlsTicketKeys&) = delete;

    // `now_s` is from a clock that never goes back; a thread may be a moment late. nullopt: there are
    // no random bytes. Throws std::bad_alloc.
    [[nodiscard]] std::optional<Key> for_new_ticket(uint64_t now_s);
    // nullopt: there is no such key, or it is too old.
    [[nodiscard]] std::optional<Key> named(std::span<const unsigned char, 16> name, uint64_t now_s);
    [[nodiscard]] size_t kept(uint64_t now_s);

    // What SSL_CTX_set_tlsext_ticket_key_evp_cb() asks for. Returns 1; 2 if the client should get a
    // ticket with a newer key; 0 for a ticket that cannot be read; -1 without memory.
    [[nodiscard]] int prepare(bool encrypts, unsigned char* name, unsigned char* iv,
                              EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, uint64_t now_s) noexcept;

private:
    struct Kept {
        Key key;
        uint64_t made_s;
    };
    void forget_old(uint64_t now_s);
    // The latest time that any thread has told.
    [[nodiscard]] uint64_t latest(uint64_t now_s) noexcept;

    std::mutex mutex_;
    std::vector<Kept> kept_;  // Oldest first.
    uint64_t latest_s_ = 0;
};

// `context` makes and reads tickets with `keys`, which outlive it.
void use_tickets(SSL_CTX& context, TlsTicketKeys& keys);

}  // namespace starling::net
