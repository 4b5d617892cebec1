// server/admin/history.h: the last hour of some figures: one sample each second for ten minutes,
// and one each ten seconds, their mean, for an hour.
//
// Pure. Thread: the owner's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace starling::server {

class FigureHistory {
public:
    static constexpr size_t fine_max = 600, coarse_max = 360, seconds_per_coarse = 10;
    static constexpr std::array<std::string_view, 20> names = {
        "connections",    "websockets",   "event_streams", "socketio_sessions",
        "messages_in",    "messages_out", "bytes_in",      "bytes_out",
        "requests",       "publications", "deliveries",    "dropped",
        "closes",         "refused",      "errors",        "queue_bytes",
        "resident_bytes", "cpu",          "lag_ms",        "webhooks"};
    using Sample = std::array<float, names.size()>;

    // `second`: the number of the second that the sample is for; each is greater than the one
    // before.
    void add(uint64_t second, const Sample& sample);

    struct Entry {
        uint64_t second;
        Sample sample;
    };
    // In the order of time.
    [[nodiscard]] std::vector<Entry> fine() const { return fine_.all(); }
    [[nodiscard]] std::vector<Entry> coarse() const { return coarse_.all(); }

private:
    class Ring {
    public:
        explicit Ring(size_t size) : size_(size) {}
        void add(Entry entry);
        [[nodiscard]] std::vector<Entry> all() const;

    private:
        const size_t size_;
        std::vector<Entry> entries_;
        size_t next_ = 0;
    };

    Ring fine_{fine_max}, coarse_{coarse_max};
    Sample sum_{};
    size_t summed_ = 0;
};

}  // namespace starling::server
