// Request::copy(): a request that owns all that its views point to.
#include <starling/http.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/request_parts.h"

namespace starling::http {
namespace {

struct OwnedRequest {
    std::string text;  // The bytes of all views, one after the other.
    std::vector<Field> fields;
    std::vector<Param> params;
    std::optional<Request> request;
};

}  // namespace

std::shared_ptr<const Request> Request::copy() const {
    const auto owned = std::make_shared<OwnedRequest>();
    RequestParts parts{.method = method_,
                       .target = target_,
                       .path = path_,
                       .query = query_,
                       .host = host_,
                       .fields = fields_,
                       .params = params_,
                       .body = body_,
                       .remote_address = remote_address_,
                       .secure = secure_,
                       .from_trusted_proxy = from_trusted_proxy_,
                       .proxied = proxied_,
                       .site_origins = site_origins_};
    owned->fields.assign(parts.fields.begin(), parts.fields.end());
    owned->params.assign(parts.params.begin(), parts.params.end());
    std::vector<std::string_view*> views{&parts.method,        &parts.target, &parts.path,
                                         &parts.query,         &parts.host,   &parts.body,
                                         &parts.remote_address};
    for (Field& field : owned->fields) {
        views.push_back(&field.name);
        views.push_back(&field.value);
    }
    size_t bytes = 0;
    for (const std::string_view* view : views) bytes += view->size();
    owned->text.reserve(bytes);  // Reserves all, so that the bytes do not move.
    for (std::string_view* view : views) {
        const size_t at = owned->text.size();
        owned->text.append(*view);
        *view = std::string_view(owned->text).substr(at);
    }
    parts.fields = owned->fields;
    parts.params = owned->params;
    const Request& request = owned->request.emplace(parts);
    return {owned, &request};
}

}  // namespace starling::http
