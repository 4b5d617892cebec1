#include "http/masking.h"

#include <algorithm>

#include "base/text.h"
#include "http/url.h"

namespace starling::http {
namespace {

bool is_named(std::string_view raw_name, std::span<const std::string> names) {
    std::string decoded;
    std::string_view name = raw_name;
    if (has_escapes(raw_name)) {
        decoded = percent_decode_leniently(raw_name, Plus::space);
        name = decoded;
    }
    return std::ranges::any_of(names,
                               [&](const std::string& one) { return base::iequals(name, one); });
}

}  // namespace

std::string_view mask_query(std::string_view target, std::span<const std::string> names,
                            std::string& storage) {
    const size_t question = target.find('?');
    if (question == std::string_view::npos) return target;
    bool masked = false;
    size_t copied = 0;  // Bytes of `target` that were copied.
    for (size_t at = question + 1; at < target.size();) {
        const size_t end = std::min(target.find('&', at), target.size());
        const auto parameter = target.substr(at, end - at);
        const size_t equals = parameter.find('=');
        if (equals != std::string_view::npos && is_named(parameter.substr(0, equals), names)) {
            if (!masked) storage.clear();
            masked = true;
            storage.append(target.substr(copied, at + equals + 1 - copied)).append("***");
            copied = end;
        }
        at = end + 1;
    }
    if (!masked) return target;
    return storage.append(target.substr(copied));
}

}  // namespace starling::http
