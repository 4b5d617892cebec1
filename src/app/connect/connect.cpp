#include "app/connect/connect.h"

#include <unistd.h>

#include <ostream>
#include <stdexcept>
#include <string>
#include <utility>

#include "app/connect/run.h"

namespace starling::app::connect {
namespace {

std::string variable(const Environment& environment, std::string_view name) {
    for (const auto& [key, value] : environment)
        if (key == name) return value;
    return {};
}

Surroundings surroundings_of(const Environment& environment, const Descriptors& descriptors) {
    Surroundings surroundings;
    surroundings.in_is_terminal = ::isatty(descriptors.in) == 1;
    surroundings.out_is_terminal = ::isatty(descriptors.out) == 1;
    surroundings.no_color = !variable(environment, "NO_COLOR").empty();
    // The XDG specification: a relative path counts as absent.
    surroundings.state_home = variable(environment, "XDG_STATE_HOME");
    const std::string home = variable(environment, "HOME");
    if (!surroundings.state_home.starts_with('/'))
        surroundings.state_home = home.starts_with('/') ? home + "/.local/state" : "";
    return surroundings;
}

int wrong(std::ostream& err, const std::string& why) {
    err << "starling connect: " << why << std::endl;
    return usage_exit;
}

}  // namespace

int run_connect(const CommandLine& line, const Environment& environment, const Streams& streams,
                const Descriptors& descriptors) {
    const Surroundings surroundings = surroundings_of(environment, descriptors);
    auto options = read_options(line, surroundings);
    if (!options) return wrong(streams.err, options.error());
    const bool terminal = surroundings.in_is_terminal && surroundings.out_is_terminal &&
                          options->render.format == Format::terminal &&
                          variable(environment, "TERM") != "dumb";
    try {
        return Run(*std::move(options), descriptors, terminal).run();
    } catch (const std::invalid_argument& fault) {  // The URL, a field or an option.
        return wrong(streams.err, fault.what());
    }
}

}  // namespace starling::app::connect
