// http/reply_target.h: the interface that a Reply calls. The server implements it.
#pragma once

#include <starling/http.h>

#include <string_view>

#include "base/slot_table.h"

namespace starling::http {

// Names one unanswered request of a ReplyTarget. A call with an outdated generation does nothing.
using ReplyKey = base::SlotKey;

// Every function may be called from any thread.
class ReplyTarget {
public:
    virtual void reply_send(ReplyKey key, Response&& response) = 0;
    [[nodiscard]] virtual bool reply_write(ReplyKey key, std::string_view bytes) = 0;
    virtual void reply_end(ReplyKey key) = 0;
    [[nodiscard]] virtual bool reply_closed(ReplyKey key) const = 0;
    // The last copy of the Reply is gone.
    virtual void reply_dropped(ReplyKey key) noexcept = 0;
    virtual void body_pause(ReplyKey key, bool paused) = 0;  // See RequestBody.

protected:
    ~ReplyTarget() = default;
};

}  // namespace starling::http
