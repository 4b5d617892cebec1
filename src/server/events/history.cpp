#include "server/events/history.h"

#include <utility>

namespace starling::server {

void SharedHistory::append(std::string_view channel, const hub::HistoryRule& rule,
                           std::string_view text, uint64_t now_ms,
                           const std::function<void(hub::KeptPtr)>& done) {
    hub::KeptPtr kept;
    {
        const std::lock_guard lock(mutex_);
        kept = memory_.append(channel, rule, text, now_ms);
    }
    done(std::move(kept));
}

void SharedHistory::read(const hub::HistoryQuery& query, uint64_t now_ms,
                         const std::function<void(hub::HistoryPage)>& done) {
    hub::HistoryPage page;
    {
        const std::lock_guard lock(mutex_);
        page = memory_.read(query, now_ms);
    }
    done(std::move(page));
}

void SharedHistory::expire(uint64_t now_ms) {
    const std::lock_guard lock(mutex_);
    memory_.expire(now_ms);
}

hub::HistoryStats SharedHistory::stats() const {
    const std::lock_guard lock(mutex_);
    return memory_.stats();
}

}  // namespace starling::server
