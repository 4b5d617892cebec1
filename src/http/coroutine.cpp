// The answer of an HTTP handler that is a coroutine.
#include <starling/http.h>

#include <exception>
#include <utility>

#include "http/response_access.h"

namespace starling::detail {

void HttpHome::ended_at_once(KeptRequest&, KeptResponse& mine, const http::Request&,
                             http::Response& answer) {
    answer = std::move(mine.value);
}

// The answer is promised with what is set so far, and the coroutine goes with it.
void HttpHome::suspended(const std::shared_ptr<Coroutine>& coroutine, KeptRequest&,
                         KeptResponse& mine, const http::Request&, http::Response& answer) {
    (void)mine.value.later_target();  // Throws where there is no server that could answer later.
    const auto scope = std::make_shared<Scope>();
    scope->add(coroutine);
    answer = mine.value;
    answer.deferred_ = true;
    answer.owned_ = scope;
    mine.value.promised_ = true;
}

void HttpHome::ended(const std::exception_ptr& error, KeptRequest& request, KeptResponse& mine) {
    http::Response& response = mine.value;
    const http::Reply reply = response.later_target();
    if (!error) {
        // Else the handler has taken over: it answers by its Reply.
        if (!response.deferred_) reply.send(std::move(response));
        return;
    }
    http::Response fault;
    fault.target_ = response.target_;
    fault.key_ = response.key_;
    fault.failed_ = true;
    try {
        std::rethrow_exception(error);
    } catch (const http::BadRequest& refused) {
        http::plain_answer(fault, refused.status(), refused.what());
    } catch (...) {
        if (const auto strand = Strand::current())
            strand->log_exception(request.get().path(), describe(error));
        fault.status(500).text("Internal Server Error\n");
    }
    reply.send(std::move(fault));
}

}  // namespace starling::detail
