// server/admin/metrics_text.h: figures as text for Prometheus: its own text format 0.0.4 and
// OpenMetrics 1.0
// (https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md).
//
// Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "server/figures.h"

namespace starling::server {

enum class MetricsFormat : uint8_t { prometheus, openmetrics };

// The format that an Accept field prefers (RFC 9110 section 12.5.1). Prometheus's own format if the
// field is empty or names neither.
[[nodiscard]] MetricsFormat choose_metrics_format(std::string_view accept) noexcept;
[[nodiscard]] std::string_view metrics_content_type(MetricsFormat format) noexcept;
[[nodiscard]] std::string metrics_text(const Figures& figures, MetricsFormat format);

}  // namespace starling::server
