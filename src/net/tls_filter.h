// net/tls_filter.h: encrypts and decrypts between the transport of a stream and its handler.
//
// A stream without TLS has none, only a null pointer. Plaintext stays in the stream's Outbox until
// the kernel has taken the ciphertext before it, so at most 16 KiB are held twice. The TlsSession
// determines the role, server or client.
//
// A filter that moves bytes is in the loop's list of these; the loop calls rest() after a pause.
//
// Owner: the Stream; between two loops its Detached. Thread: the loop's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/intrusive_list.h"
#include "net/tls.h"
#include "net/tls_record_size.h"

namespace starling::net {

class Loop;
class Outbox;
class Stream;

class TlsFilter : public base::ListLink {
public:
    explicit TlsFilter(std::unique_ptr<TlsSession> session) noexcept;
    ~TlsFilter();

    // Decrypts what arrived and delivers it to the stream's handler record by record, then reports
    // the end (the peer's close_notify) or a failure.
    void received(Stream& stream, std::span<std::byte> ciphertext);

    // Returns the ciphertext to send next. These bytes neither move nor change until taken() has
    // covered them all; until then the next call returns the rest of them. Up to 16 KiB of `plaintext`
    // are encrypted, as one record or as several small ones, only when all ciphertext before was taken.
    // Empty: nothing can be sent now. `closing`: a close_notify follows the last byte. nullopt: TLS has
    // failed.
    [[nodiscard]] std::optional<std::span<const std::byte>> next(Loop& loop, Outbox* plaintext,
                                                                 bool closing);
    // The kernel has taken `bytes` of what next() returned.
    void taken(size_t bytes) noexcept;

    static constexpr uint64_t rest_after_ms = 1000;
    [[nodiscard]] bool is_idle(uint64_t now_ms) const noexcept {
        return now_ms - used_ms_ >= rest_after_ms;
    }
    // Frees the ciphers and leaves the loop's list.
    void rest() noexcept;

    [[nodiscard]] const TlsSession& session() const noexcept { return *session_; }

    // Bytes of ciphertext that the kernel has not taken.
    [[nodiscard]] size_t bytes() const noexcept {
        return sending_.size() - taken_ + session_->output().size();
    }

private:
    [[nodiscard]] bool encrypt(Loop& loop, Outbox& plaintext);
    void note_use(Loop& loop) noexcept;

    const std::unique_ptr<TlsSession> session_;
    std::string sending_;  // Not changed while the kernel may read it.
    uint64_t used_ms_ = 0;
    TlsRecordSize record_size_;
    size_t taken_ = 0;  // Bytes at the front of sending_.
    bool close_notified_ = false;
    bool failed_ = false;       // It cannot encrypt.
    bool established_ = false;  // The handler knows.
};

}  // namespace starling::net
