// The JSON Schema against the table that it is made from, and against files that the program takes.
#include "app/config/json_schema.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <string>

#include "app/config/schema.h"

namespace starling::app {
namespace {

namespace json = boost::json;

// The schema of a key, as "websocket[].path".
const json::object& schema_of(const json::object& root, std::string_view key) {
    const json::object* at = &root;
    while (!key.empty()) {
        const size_t end = key.find_first_of(".[");
        at = &at->at("properties").as_object().at(key.substr(0, end)).as_object();
        key.remove_prefix(end == std::string_view::npos ? key.size() : end);
        if (key.starts_with("[]")) {
            at = &at->at("items").as_object();
            if (const json::value* forms = at->if_contains("anyOf"))
                at = &forms->as_array().at(1).as_object();
            key.remove_prefix(2);
        }
        if (key.starts_with('.')) key.remove_prefix(1);
    }
    return *at;
}

TEST(JsonSchema, HasEachKeyWithItsHelp) {
    const json::value parsed = json::parse(json_schema());
    const json::object& root = parsed.as_object();
    EXPECT_EQ(root.at("$schema").as_string(), "https://json-schema.org/draft/2020-12/schema");
    EXPECT_FALSE(root.at("additionalProperties").as_bool());
    for (const Row& row : schema()) {
        const json::object& key = schema_of(root, row.key);
        EXPECT_EQ(key.at("description").as_string(), row.help) << row.key;
        EXPECT_TRUE(key.contains("type") || key.contains("enum")) << row.key;
        EXPECT_EQ(key.contains("default"), !row.required) << row.key;
    }
}

TEST(JsonSchema, WritesTypesLimitsAndDefaults) {
    const json::value parsed = json::parse(json_schema());
    const auto text = [&](std::string_view key) {
        json::object shown = schema_of(parsed.as_object(), key);
        shown.erase("description");
        return json::serialize(shown);
    };
    EXPECT_EQ(text("workers"), R"({"type":"integer","minimum":0,"maximum":1024,"default":0})");
    EXPECT_EQ(text("demo"), R"({"type":"boolean","default":false})");
    EXPECT_EQ(text("root"), R"({"type":"string","default":""})");
    EXPECT_EQ(text("listen[].address"), R"({"type":"string"})");
    EXPECT_EQ(text("listen[].tls"), R"({"enum":["auto",true,false],"default":"auto"})");
    EXPECT_EQ(text("listen[].mode"),
              R"({"type":["string","integer"],"pattern":"^[0-7]+$","default":"0"})");
    EXPECT_EQ(text("log.level"),
              R"({"enum":["debug","info","warn","error","off"],"default":"info"})");
    EXPECT_EQ(text("http.cors.methods"),
              R"({"type":"array","items":{"type":"string"},"default":["GET","HEAD","POST"]})");
    EXPECT_EQ(text("stalled_timeout_s"),
              R"({"type":"number","minimum":1E-1,"maximum":3.6E3,"default":10})");
}

TEST(JsonSchema, RequiresWhatTheProgramRequires) {
    const json::value parsed = json::parse(json_schema());
    EXPECT_EQ(json::serialize(schema_of(parsed.as_object(), "tls.certificates[]").at("required")),
              R"(["cert","key"])");
    EXPECT_FALSE(parsed.as_object().contains("required"));
}

}  // namespace
}  // namespace starling::app
