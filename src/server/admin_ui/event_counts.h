// server/admin_ui/event_counts.h: what the connections of one worker did, second by second: the
// `aggregatedEvents` of the Admin UI.
//
// Pure. Owner: the worker's part of the Admin UI. Thread: the owner's.
#pragma once

#include <starling/socketio_value.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace starling::server {

class EventCounts {
public:
    enum class Kind : uint8_t { connections, packets_in, packets_out, bytes_in, bytes_out };

    void add(Kind kind, uint64_t count = 1) noexcept {
        counts_[static_cast<size_t>(kind)] += count;
    }
    // `reason`: one of the few words of Engine.IO.
    void disconnected(std::string_view reason) { ++ends_[std::string(reason)]; }

    // What happened since the last call, as the events of the second of `now_ms` (Unix time).
    void move_to(boost::json::array& events, int64_t now_ms) {
        static constexpr std::array<std::string_view, kinds> names{
            "rawConnection", "packetsIn", "packetsOut", "bytesIn", "bytesOut"};
        const int64_t second_ms = now_ms - now_ms % 1000;
        for (size_t i = 0; i < kinds; ++i)
            if (counts_[i] > 0)
                events.push_back(
                    {{"timestamp", second_ms}, {"type", names[i]}, {"count", counts_[i]}});
        for (const auto& [reason, count] : ends_)
            events.push_back({{"timestamp", second_ms},
                              {"type", "rawDisconnection"},
                              {"subType", reason},
                              {"count", count}});
        counts_ = {};
        ends_.clear();
    }

private:
    static constexpr size_t kinds = 5;
    std::array<uint64_t, kinds> counts_{};
    std::map<std::string, uint64_t> ends_;
};

}  // namespace starling::server
