#include "server/engineio/kept_request.h"

namespace starling::server {

namespace relay = engineio::relay;

std::string keep_request(const relay::Head& head, const http::Request& request) {
    const auto fields = request.headers();
    return relay::encode(head, relay::Request{.method = request.method(),
                                              .target = request.target(),
                                              .host = request.host(),
                                              .remote_address = request.remote_address(),
                                              .body = request.body(),
                                              .fields = {fields.begin(), fields.end()},
                                              .secure = request.secure(),
                                              .from_trusted_proxy = request.from_trusted_proxy(),
                                              .proxied = request.proxied()});
}

http::RequestParts parts_of(const relay::Request& request, const http::Target& target) {
    return {.method = request.method,
            .target = request.target,
            .path = target.path,
            .query = target.query,
            .host = request.host,
            .fields = request.fields,
            .body = request.body,
            .remote_address = request.remote_address,
            .secure = request.secure,
            .from_trusted_proxy = request.from_trusted_proxy,
            .proxied = request.proxied};
}

}  // namespace starling::server
