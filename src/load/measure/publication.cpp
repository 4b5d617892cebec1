#include "load/measure/publication.h"

namespace starling::load {

PublicationFinder::Found PublicationFinder::find(std::string_view message, size_t bytes,
                                                 uint64_t now_ns) {
    constexpr std::string_view mark = Publication::mark;
    const bool there = message.size() >= at_ && message.substr(at_).starts_with(mark);
    const size_t at = there ? at_ : message.find(mark);
    if (at == std::string_view::npos) return Found::nothing;
    at_ = at;
    if (message.size() - at < bytes) return Found::broken;
    const std::string_view text = message.substr(at, bytes);
    if (!compared_ && text.find_first_not_of('x', Publication::bytes_min) != std::string_view::npos)
        return Found::broken;
    compared_ = true;
    since_ns_ = since_stamp(text.data() + mark.size(), now_ns);
    return Found::publication;
}

}  // namespace starling::load
