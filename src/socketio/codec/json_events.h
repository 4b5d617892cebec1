// socketio/codec/json_events.h: what all readers of JSON from peers accept, whatever they build of
// it. Pure functions; any thread.
#pragma once

#include <string>
#include <string_view>

namespace starling::socketio {

// Replaces each escape of half a surrogate pair by the escape of U+FFFD.
[[nodiscard]] std::string without_lone_surrogates(std::string_view json);

// `attempt(text)` parses a text from its beginning. False: `text` is no JSON. JSON.stringify writes
// lone surrogates as escapes for text that was cut in the middle of an emoji; Boost.JSON has several
// errors for them, and uses some of those for other faults, too. So a text with such escapes gets a
// second attempt without them.
template <class Attempt>
[[nodiscard]] bool accept_json(std::string_view text, const Attempt& attempt) {
    if (attempt(text)) return true;
    if (text.find("\\u") == std::string_view::npos) return false;
    const std::string repaired = without_lone_surrogates(text);
    return repaired != text && attempt(std::string_view(repaired));
}

}  // namespace starling::socketio
