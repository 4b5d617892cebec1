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
    std::ranges::sort(spans_,
                      [&name](const Span& a, const Span& b) { return before(name(a), name(b)); });
    const auto equal = [&name](const Span& a, const Span& b) { return name(a) == name(b); };
    // NOLINTNEXTLINE(modernize-use-ranges): clang 14 cannot compile std::ranges::unique.
    spans_.erase(std::unique(spans_.begin(), spans_.end(), equal), spans_.end());
}

bool NameSet::contains(std::string_view name) const noexcept {
    const auto name_of = [this](const Span& span) {
        return std::string_view(bytes_).substr(span.begin, span.size);
    };
    const auto found = std::ranges::lower_bound(spans_, name, before, name_of);
    return found != spans_.end() && name_of(*found) == name;
}

}  // namespace starling::webhook
