#include "webhook/names.h"

#include <algorithm>

namespace starling::webhook {
namespace {

bool before(std::string_view a, std::string_view b) noexcept {
    return a.size() != b.size() ? a.size() < b.size() : a < b;
}

}  // namespace

void NameSet::seal() {
    const auto name = [this](const Span& span) {
        return std::string_view(bytes_).substr(span.begin, span.size);
    };
    std::sort(spans_.begin(), spans_.end(),
              [&name](const Span& a, const Span& b) { return before(name(a), name(b)); });
    const auto repeated =
        std::unique(spans_.begin(), spans_.end(),
                    [&name](const Span& a, const Span& b) { return name(a) == name(b); });
    spans_.erase(repeated, spans_.end());
}

bool NameSet::contains(std::string_view name) const noexcept {
    const auto found = std::lower_bound(
        spans_.begin(), spans_.end(), name, [this](const Span& span, std::string_view wanted) {
            return before(std::string_view(bytes_).substr(span.begin, span.size), wanted);
        });
    return found != spans_.end() &&
           std::string_view(bytes_).substr(found->begin, found->size) == name;
}

}  // namespace starling::webhook
