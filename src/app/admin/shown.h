// app/admin/shown.h: answers of the admin API as text for people. Text of clients, such as names of
// rooms, is printed without control characters.
//
// Pure.
#pragma once

#include <string>
#include <string_view>

namespace starling::app {

// The answer to `starling admin WHAT`, as a table or as one line.
[[nodiscard]] std::string shown_answer(std::string_view what, std::string_view body);
// The stats as a screen, and as one line of a table; `head`: after the line with the names.
[[nodiscard]] std::string shown_screen(std::string_view stats);
[[nodiscard]] std::string shown_line(std::string_view stats, bool head);
// "closing: 120 connections, 4 s left".
[[nodiscard]] std::string shown_drain(std::string_view body);
// The words of a refusal: "error" of {"error":"..."}; another body as it is.
[[nodiscard]] std::string problem_of(std::string_view body);

}  // namespace starling::app
