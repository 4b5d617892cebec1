// Only this file includes yaml-cpp. It uses the parser's events; yaml-cpp's nodes drop duplicate
// keys.
#include "app/config/yaml.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <sstream>
#include <string_view>

namespace starling::app {
namespace {

struct Refused {
    const char* what;
    int line;
};

class Builder final : public YAML::EventHandler {
public:
    [[nodiscard]] Yaml take() { return std::move(root_); }

    void OnDocumentStart(const YAML::Mark& mark) override {
        if (documents_++ > 0)
            throw Refused{"only one document may stand in the file", mark.line + 1};
    }
    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        refuse(anchor, "", mark);
        scalar(Yaml{.kind = Yaml::Kind::null,
                    .line = mark.line + 1,
                    .name = {},
                    .text = {},
                    .children = {}});
    }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
        throw Refused{"aliases are not supported", mark.line + 1};
    }
    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& value) override {
        refuse(anchor, tag, mark);
        // yaml-cpp gives quoted scalars the non-specific tag "!" (YAML 1.2 section 6.9.1).
        scalar(Yaml{.kind = Yaml::Kind::scalar,
                    .quoted = tag == "!",
                    .line = mark.line + 1,
                    .name = {},
                    .text = value,
                    .children = {}});
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        open(Yaml::Kind::list, mark, tag, anchor);
    }
    void OnSequenceEnd() override { open_.pop_back(); }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        open(Yaml::Kind::mapping, mark, tag, anchor);
    }
    void OnMapEnd() override { open_.pop_back(); }

private:
    struct Level {
        Yaml* node;  // Valid while the node is open: only the last child of each parent grows.
        bool named = false;  // Mapping: the name of the next value was read.
    };

    static void refuse(YAML::anchor_t anchor, const std::string& tag, const YAML::Mark& mark) {
        if (anchor != 0) throw Refused{"anchors are not supported", mark.line + 1};
        if (!tag.empty() && tag != "?" && tag != "!")
            throw Refused{"tags are not supported", mark.line + 1};
    }

    [[nodiscard]] bool expects_name() const {
        return !open_.empty() && open_.back().node->kind == Yaml::Kind::mapping &&
               !open_.back().named;
    }

    // The node that the next value fills.
    Yaml& place() {
        if (open_.empty()) return root_;
        Level& level = open_.back();
        if (level.node->kind == Yaml::Kind::list) return level.node->children.emplace_back();
        level.named = false;
        return level.node->children.back();
    }

    void put(Yaml value) {
        Yaml& target = place();
        if (!target.name.empty()) value.line = target.line;
        value.name = std::move(target.name);
        target = std::move(value);
    }

    void scalar(Yaml value) {
        if (!expects_name()) return put(std::move(value));
        if (value.kind == Yaml::Kind::null || value.text.empty())
            throw Refused{"a key must be text", value.line};
        Yaml& member = open_.back().node->children.emplace_back();
        member.name = std::move(value.text);
        member.line = value.line;
        open_.back().named = true;
    }

    void open(Yaml::Kind kind, const YAML::Mark& mark, const std::string& tag,
              YAML::anchor_t anchor) {
        refuse(anchor, tag, mark);
        if (expects_name()) throw Refused{"a key must be text", mark.line + 1};
        if (open_.size() >= yaml_depth_max) throw Refused{"nested too deeply", mark.line + 1};
        Yaml& target = place();
        target.kind = kind;
        if (target.name.empty()) target.line = mark.line + 1;
        open_.push_back({&target});
    }

    Yaml root_;
    std::vector<Level> open_;
    int documents_ = 0;
};

// The parser calls a tab that indents whatever it misses at that place.
bool is_indented_by_tab(std::string_view text, int line) {
    for (int i = 1; i < line && !text.empty(); ++i)
        text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
    const size_t tab = text.find_first_not_of(' ');
    return tab != std::string_view::npos && text[tab] == '\t';
}

}  // namespace

YamlResult parse_yaml(const std::string& text) {
    YamlResult result;
    try {
        std::istringstream stream(text);
        YAML::Parser parser(stream);
        Builder builder;
        while (parser.HandleNextDocument(builder)) {}
        result.root = builder.take();
    } catch (const Refused& refused) {
        result.error = refused.what;
        result.error_line = refused.line;
    } catch (const YAML::ParserException& failure) {
        result.error_line = failure.mark.line + 1;
        result.error = is_indented_by_tab(text, result.error_line)
                           ? "a tab indents this line: YAML wants blanks"
                           : failure.msg;
    } catch (const std::exception& failure) {
        result.error = failure.what();
        result.error_line = 1;
    }
    return result;
}

}  // namespace starling::app
