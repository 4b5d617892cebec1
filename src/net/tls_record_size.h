// net/tls_record_size.h: how much plaintext the next TLS record gets. Pure.
//
// A receiver can use no byte of a record before its last one has arrived. While the window of TCP is
// small, at the start of a connection and after a pause (RFC 5681 sections 3.1 and 4.1), a record of
// 16 KiB takes more than one round trip to arrive. So the first records fit into one segment each, and
// the later ones are full, which costs the least.
//
// Owner: the TlsFilter. Thread: the loop's.
#pragma once

#include <cstddef>
#include <cstdint>

#include "net/tls_records.h"

namespace starling::net {

class TlsRecordSize {
public:
    // With a header, a type and a tag this is one segment over IPv6 with timestamps, through a tunnel
    // that takes 80 bytes of an Ethernet frame.
    static constexpr size_t small_bytes = 1370;
    // The 10 segments of the initial window (RFC 6928), and the 20 of the next one.
    static constexpr size_t small_bytes_total = 30 * small_bytes;
    static constexpr uint64_t idle_ms = 1000;

    // For the next record; `now_ms` is from a clock that never goes back.
    [[nodiscard]] size_t bytes_max(uint64_t now_ms) noexcept {
        if (now_ms - sent_ms_ >= idle_ms) sent_bytes_ = 0;
        return sent_bytes_ < small_bytes_total ? small_bytes : TlsRecords::plaintext_bytes_max;
    }
    void sent(size_t bytes, uint64_t now_ms) noexcept {
        sent_ms_ = now_ms;
        if (sent_bytes_ < small_bytes_total) sent_bytes_ += static_cast<uint32_t>(bytes);
    }

private:
    uint64_t sent_ms_ = 0;
    uint32_t sent_bytes_ = 0;  // Since the last pause; not counted further once records are full.
};

}  // namespace starling::net
