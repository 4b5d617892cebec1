#include "server/body_route.h"

#include <memory>
#include <utility>

#include "http/response_access.h"
#include "server/http_connection.h"
#include "server/worker.h"

namespace starling::server {

bool BodyRoute::begin_body(HttpConnection& connection, const http::Request& request,
                           http::Response&) {
    const auto [slot, generation] = connection.slot_key();
    connection.read_body_by(open_(
        request,
        http::ResponseAccess::body_of(connection.worker().reply_lifetime(), {slot, generation})));
    return true;
}

void BodyRoute::answer(HttpConnection& connection, const http::Request& request,
                       http::Response& response) {
    auto reader = connection.take_body_reader();
    // A request without a body has no reader yet: make it here.
    if (!reader) reader = std::make_unique<http::BodyReader>(open_(request, http::RequestBody()));
    if (reader->end) reader->end(response);
}

}  // namespace starling::server
