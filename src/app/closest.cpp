#include "app/closest.h"

#include <algorithm>
#include <vector>

namespace starling::app {

std::string_view closest(std::string_view wrong, std::span<const std::string_view> names) {
    std::string_view best;
    // A transposition counts as two edits. A name of three letters may differ by one edit only,
    // since two edits change most of the name.
    size_t best_distance = (wrong.size() <= 3 ? 1 : std::max<size_t>(wrong.size() / 3, 2)) + 1;
    for (const std::string_view name : names) {
        std::vector<size_t> line(name.size() + 1);  // One row of the Levenshtein distance.
        for (size_t i = 0; i <= name.size(); ++i) line[i] = i;
        for (size_t row = 1; row <= wrong.size(); ++row) {
            size_t corner = line[0];
            line[0] = row;
            for (size_t i = 1; i <= name.size(); ++i) {
                const size_t replaced = corner + (wrong[row - 1] != name[i - 1]);
                corner = line[i];
                line[i] = std::min({line[i] + 1, line[i - 1] + 1, replaced});
            }
        }
        if (line.back() < best_distance) {
            best_distance = line.back();
            best = name;
        }
    }
    return best;
}

std::string hint(std::string_view wrong, std::span<const std::string_view> names) {
    const std::string_view meant = closest(wrong, names);
    return meant.empty() ? "" : " (did you mean " + std::string(meant) + "?)";
}

}  // namespace starling::app
