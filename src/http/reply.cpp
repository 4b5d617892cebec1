// http/reply.cpp: Reply and RequestBody: handles of requests that the server holds.
#include <starling/http.h>

#include <utility>

#include "http/promised_answer.h"

namespace starling::http {

void Reply::send(Response response) const {
    if (!answer_) return;
    answer_->call(
        [&](ReplyTarget& target, ReplyKey key) { target.reply_send(key, std::move(response)); });
}

bool Reply::write(std::string_view bytes) const {
    bool taken = false;
    if (!answer_) return taken;
    answer_->call(
        [&](ReplyTarget& target, ReplyKey key) { taken = target.reply_write(key, bytes); });
    return taken;
}

void Reply::end() const {
    if (!answer_) return;
    answer_->call([](ReplyTarget& target, ReplyKey key) { target.reply_end(key); });
}

bool Reply::closed() const {
    bool closed = true;
    if (!answer_) return closed;
    answer_->call([&](ReplyTarget& target, ReplyKey key) { closed = target.reply_closed(key); });
    return closed;
}

void RequestBody::pause() const {
    call_target(target_,
                [this](ReplyTarget& target) { target.body_pause(base::unpack(key_), true); });
}

void RequestBody::resume() const {
    call_target(target_,
                [this](ReplyTarget& target) { target.body_pause(base::unpack(key_), false); });
}

}  // namespace starling::http
