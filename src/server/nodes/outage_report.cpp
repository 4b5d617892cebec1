#include "server/nodes/outage_report.h"

#include <array>
#include <new>
#include <string_view>

namespace starling::server {
namespace {

log::Field field(std::string_view name, uint64_t count) {
    return {name, static_cast<int64_t>(count)};
}

}  // namespace

void OutageReport::down() {
    if (timer_) worker_.loop().cancel_timer(timer_);
    timer_ = 0;
    if (since_ms_) return;
    since_ms_ = worker_.loop().now_ms();
    before_ = count_();
}

void OutageReport::up() {
    if (!since_ms_ || timer_) return;
    until_ms_ = worker_.loop().now_ms();
    timer_ = worker_.loop().after(settle_ms, [this] {
        timer_ = 0;
        tell();
    });
}

void OutageReport::tell() {
    const ClusterLosses now = count_();
    const ClusterLosses lost{now.dropped - before_.dropped, now.gaps - before_.gaps,
                             now.lost - before_.lost};
    const std::array<log::Field, 5> fields{{{"mode", std::string_view(mode_)},
                                            field("away_ms", until_ms_ - *since_ms_),
                                            field("dropped", lost.dropped),
                                            field("gaps", lost.gaps),
                                            field("lost", lost.lost)}};
    since_ms_.reset();
    const bool is_whole = lost.dropped + lost.gaps + lost.lost == 0;
    worker_.log(is_whole ? log::Level::info : log::Level::warn,
                "cluster: the outage of Redis is over", fields);
}

void OutageReport::end(uint64_t unsent) noexcept {
    if (timer_) worker_.loop().cancel_timer(timer_);
    timer_ = 0;
    try {
        const ClusterLosses now = count_();
        const bool is_certain = now.dropped + now.gaps + now.lost > 0;
        if (!is_certain && unsent == 0) return;
        const std::array<log::Field, 5> fields{{{"mode", std::string_view(mode_)},
                                                field("dropped", now.dropped),
                                                field("unsent", unsent),
                                                field("gaps", now.gaps),
                                                field("lost", now.lost)}};
        // Redis may have taken an unsent message, although its answer has not come.
        worker_.log(log::Level::warn,
                    is_certain ? "cluster: this node stops, and has lost messages since its start"
                               : "cluster: this node stops, and may have lost messages",
                    fields);
    } catch (const std::bad_alloc&) {  // The process has no memory for a line.
    }
}

}  // namespace starling::server
