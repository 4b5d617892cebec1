// Sends the answer of an HTTP handler that is a coroutine.
#include <starling/http.h>

#include <exception>
#include <utility>

#include "http/response_access.h"

namespace starling::detail {

void HttpHome::ended_at_once(KeptRequest&, KeptResponse& mine, const http::Request&,
                             http::Response& answer) {
    answer = std::move(mine.value);
}

// Promises the answer with the fields set so far. The pending answer keeps the coroutine.
void HttpHome::suspended(const std::shared_ptr<Coroutine>& coroutine, KeptRequest&,
                         KeptResponse& mine, const http::Request&, http::Response& answer) {
    mine.value.require_server();
    const auto scope = std::make_shared<Scope>();
    scope->add(coroutine);
    answer = mine.value;
    answer.deferred_ = true;
    answer.owned_ = scope;
    mine.value.promised_ = true;
}

void HttpHome::ended(const std::exception_ptr& error, KeptRequest& request, KeptResponse& mine) {
    http::Response& response = mine.value;
    if (!error) {
        // A handler that has called later() answers by its Reply.
        if (!response.deferred_) http::ResponseAccess::answer(std::move(response));
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
    http::ResponseAccess::answer(std::move(fault));
}

}  // namespace starling::detail
