#include "base/json.h"
#include "base/text.h"
#include "http/cookie.h"
#include "http/media_type.h"
#include "http/request_parts.h"
#include "http/url.h"

namespace starling::http {

Request::Request(const RequestParts& parts)
    : method_(parts.method),
      target_(parts.target),
      path_(parts.path),
      query_(parts.query),
      host_(parts.host),
      body_(parts.body),
      remote_address_(parts.remote_address),
      fields_(parts.fields),
      params_(parts.params),
      secure_(parts.secure),
      from_trusted_proxy_(parts.from_trusted_proxy),
      proxied_(parts.proxied),
      site_origins_(parts.site_origins) {
    if (path_.find('%') == std::string_view::npos) return;
    if (auto decoded = percent_decode(path_)) {
        decoded_path_ = std::move(*decoded);
        decoded_ = true;
    }
}

std::optional<std::string> Request::query(std::string_view name) const {
    return find_form_field(query_, name);
}

std::vector<std::string> Request::query_all(std::string_view name) const {
    return find_form_fields(query_, name);
}

std::optional<std::string> Request::form(std::string_view name) const {
    if (!base::iequals(essence_of(header("content-type")), "application/x-www-form-urlencoded"))
        return std::nullopt;
    return find_form_field(body_, name);
}

boost::json::value Request::json(size_t depth_max) const {
    if (!is_json_type(header("content-type")))
        throw BadRequest("Content-Type must be application/json", 415);
    auto value = base::read_json(body_, depth_max);
    if (!value) throw BadRequest("the body is not JSON: " + value.error());
    return *std::move(value);
}

std::optional<std::string_view> Request::cookie(std::string_view name) const {
    for (const Field& field : fields_) {
        if (!base::iequals(field.name, "cookie")) continue;
        if (const auto value = find_cookie(field.value, name)) return value;
    }
    return std::nullopt;
}

std::string_view Request::header(std::string_view name) const noexcept {
    for (const Field& field : fields_)
        if (base::iequals(field.name, name)) return field.value;
    return {};
}

bool Request::has_header(std::string_view name) const noexcept {
    for (const Field& field : fields_)
        if (base::iequals(field.name, name)) return true;
    return false;
}

std::string_view Request::param(std::string_view name) const noexcept {
    for (const Param& param : params_)
        if (param.name == name) return param.value;
    return {};
}

}  // namespace starling::http
