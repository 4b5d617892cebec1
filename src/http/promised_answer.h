// http/promised_answer.h: what the copies of one Reply share. Its end is that of the last copy.
//
// Owner: the copies together. Thread: any.
#pragma once

#include <starling/http.h>

#include <utility>

#include "base/lifetime.h"
#include "http/reply_target.h"

namespace starling::http {

// Calls with the target, if the target is still there.
template <class F>
void call_target(Reply::Target* lifetime, F&& call) {
    if (!lifetime) return;
    if (ReplyTarget* own = lifetime->own()) return call(*own);
    const Reply::Target::Use use(lifetime);
    if (use) call(*use);
}

class PromisedAnswer {
public:
    PromisedAnswer(Reply::Target* target, uint64_t key) noexcept : target_(target), key_(key) {}
    PromisedAnswer(const PromisedAnswer&) = delete;
    PromisedAnswer& operator=(const PromisedAnswer&) = delete;
    ~PromisedAnswer() {
        call([](ReplyTarget& target, ReplyKey key) { target.reply_dropped(key); });
    }

    template <class F>
    void call(F&& with_target) const {
        call_target(target_, [&](ReplyTarget& target) { with_target(target, base::unpack(key_)); });
    }

private:
    Reply::Target* const target_;
    const uint64_t key_;
};

}  // namespace starling::http
