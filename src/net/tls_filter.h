// net/tls_filter.h: TLS between the transport of a stream and its handler.
//
// A stream without TLS has none and pays one null pointer. The handler's plaintext stays in the stream's
// Outbox until the kernel has taken what was encrypted before it: at most one record is held twice. The
// role, server or client, is that of the TlsSession.
//
// Owner: the Stream; between two loops its Detached. Thread: the loop's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "net/tls.h"

namespace starling::net {

class ChunkPool;
class Outbox;
class Stream;

class TlsFilter {
public:
    explicit TlsFilter(std::unique_ptr<TlsSession> session) noexcept;
    ~TlsFilter();

    // Decrypts what arrived and delivers it to the stream's handler, record by record; then the end
    // that the peer's close_notify tells, or the failure.
    void received(Stream& stream, std::span<std::byte> ciphertext);

    // What the stream sends next. Until taken() has been told of all of these bytes they stay where
    // they are, and the next call returns what is left of them. A record of `plaintext` is encrypted
    // only when nothing else is left. Empty: nothing can be sent for now. `closing`: a close_notify
    // follows the last byte. nullopt: TLS has failed.
    [[nodiscard]] std::optional<std::span<const std::byte>> next(Outbox* plaintext, ChunkPool& pool,
                                                                 std::span<std::byte> scratch,
                                                                 bool closing);
    // The kernel has taken so many bytes of what next() returned.
    void taken(size_t bytes) noexcept;

    // Ciphertext that the kernel has not taken.
    [[nodiscard]] size_t bytes() const noexcept {
        return sending_.size() - taken_ + session_->output().size();
    }

private:
    [[nodiscard]] bool encrypt_record(Outbox& plaintext, ChunkPool& pool,
                                      std::span<std::byte> scratch);

    const std::unique_ptr<TlsSession> session_;
    std::string sending_;  // Is not changed while the kernel may read it.
    size_t taken_ = 0;     // From the front of sending_.
    bool close_notified_ = false;
};

}  // namespace starling::net
