#include "text/grammar/string_format.h"

#include <string>

#include "text/grammar/regex.h"

namespace dure::text {
namespace {

// RFC 3339. Leap seconds only where they fall in UTC: 23:59:60Z.
constexpr char kLeapYear[] =
    "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)";
std::string Date() {
  return std::string(
             "(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|"
             "[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))|") +
         kLeapYear + "-02-29)";
}
std::string Time() {
  return "(?:(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]+)?(?:[Zz]|[+-](?:[01][0-9]|2[0-"
         "3]):[0-5][0-9])|23:59:60(?:\\.[0-9]+)?(?:[Zz]|[+-]00:00))";
}
// RFC 3339, appendix A.
std::string Duration() {
  return "P(?:[0-9]+W|(?:[0-9]+Y(?:[0-9]+M(?:[0-9]+D)?)?|[0-9]+M(?:[0-9]+D)?|[0-9]+D)(?:T(?:[0-9]+H"
         "(?:[0-9]+M(?:[0-9]+S)?)?|[0-9]+M(?:[0-9]+S)?|[0-9]+S))?|T(?:[0-9]+H(?:[0-9]+M(?:[0-9]+S)?"
         ")?|[0-9]+M(?:[0-9]+S)?|[0-9]+S))";
}
std::string Ipv4() {
  const std::string octet = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
  return "(?:" + octet + "\\.){3}" + octet;
}
// RFC 4291, 2.2, as the grammar of RFC 3986 spells it.
std::string Ipv6() {
  const std::string h = "[0-9A-Fa-f]{1,4}";
  const std::string ls32 = "(?:" + h + ":" + h + "|" + Ipv4() + ")";
  const auto before = [&](int most) {  // up to `most` groups, colons between them
    return most == 0 ? std::string()
                     : "(?:(?:" + h + ":){0," + std::to_string(most - 1) + "}" + h + ")?";
  };
  std::string out = "(?:(?:" + h + ":){6}" + ls32;
  out += "|::(?:" + h + ":){5}" + ls32;
  for (int after = 4; after >= 1; --after) {
    out += "|" + before(5 - after) + "::(?:" + h + ":){" + std::to_string(after) + "}" + ls32;
  }
  out += "|" + before(5) + "::" + ls32;
  out += "|" + before(6) + "::" + h;
  out += "|" + before(7) + "::)";
  return out;
}
// RFC 1123: labels of letters, digits and inner hyphens, each at most 63 long.
std::string Label() { return "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"; }
std::string Hostname() { return Label() + "(?:\\." + Label() + ")*"; }
// RFC 5321: Mailbox; address literals only for IPv4 and IPv6.
std::string Email() {
  const std::string atom = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+";
  const std::string quoted = "\"(?:[ !#-\\[\\]-~]|\\\\[ -~])*\"";
  return "(?:" + atom + "(?:\\." + atom + ")*|" + quoted + ")@(?:" + Hostname() +
         "|\\[(?:" + Ipv4() + "|IPv6:" + Ipv6() + ")\\])";
}
std::string Uuid() {
  return "[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}";
}

// RFC 3986 and, with `more` as further characters, RFC 3987.
struct UriGrammar {
  std::string ucs;       // ucschar, for classes
  std::string in_query;  // iprivate
  std::string Set(const std::string& extra) const {
    return "(?:[A-Za-z0-9._~!$&'()*+,;=" + extra + ucs + "-]|%[0-9A-Fa-f]{2})";
  }
  std::string Segment() const { return Set(":@"); }
  std::string Authority() const {
    const std::string literal =
        "\\[(?:" + Ipv6() + "|[Vv][0-9A-Fa-f]+\\.[A-Za-z0-9._~!$&'()*+,;=:-]+)\\]";
    return "(?:" + Set(":") + "*@)?(?:" + literal + "|" + Set("") + "*)(?::[0-9]*)?";
  }
  std::string Tail() const {
    return "(?:\\?" + Set(":@/?" + in_query) + "*)?(?:#" + Set(":@/?") + "*)?";
  }
  std::string Absolute() const {
    const std::string rooted = "/(?:" + Segment() + "+(?:/" + Segment() + "*)*)?";
    return "[A-Za-z][A-Za-z0-9+.-]*:(?://" + Authority() + "(?:/" + Segment() + "*)*|" + rooted +
           "|" + Segment() + "+(?:/" + Segment() + "*)*|)" + Tail();
  }
  std::string Relative() const {
    const std::string rooted = "/(?:" + Segment() + "+(?:/" + Segment() + "*)*)?";
    return "(?://" + Authority() + "(?:/" + Segment() + "*)*|" + rooted + "|" + Set("@") + "+(?:/" +
           Segment() + "*)*|)" + Tail();
  }
  std::string Reference() const { return "(?:" + Absolute() + "|" + Relative() + ")"; }
};

UriGrammar Uri() { return {"", ""}; }
UriGrammar Iri() {
  return {
      "\\u00A0-\\uD7FF\\uF900-\\uFDCF\\uFDF0-\\uFFEF\\u{10000}-\\u{1FFFD}\\u{20000}-\\u{2FFFD}\\u{"
      "30000}-\\u{3FFFD}",
      "\\uE000-\\uF8FF"};
}

// RFC 6570.
std::string UriTemplate() {
  const std::string name =
      "(?:[A-Za-z0-9_]|%[0-9A-Fa-f]{2})(?:\\.?(?:[A-Za-z0-9_]|%[0-9A-Fa-f]{2}))*";
  const std::string variable = name + "(?::[1-9][0-9]{0,3}|\\*)?";
  return "(?:[!#$&(-;=?-\\[\\]_a-z~\\u00A0-\\uD7FF]|%[0-9A-Fa-f]{2}|\\{[+#./;?&]?" + variable +
         "(?:," + variable + ")*\\})*";
}
std::string JsonPointer() { return "(?:/(?:[^~/]|~[01])*)*"; }

struct Format {
  std::string_view name;
  std::string (*pattern)();
};

constexpr Format kFormats[] = {
    {"date", Date},
    {"time", Time},
    {"date-time", [] { return Date() + "[Tt]" + Time(); }},
    {"duration", Duration},
    {"email", Email},
    {"idn-email", Email},
    {"hostname", Hostname},
    {"idn-hostname", Hostname},
    {"ipv4", Ipv4},
    {"ip-address", Ipv4},
    {"ipv6", Ipv6},
    {"uuid", Uuid},
    {"uri", [] { return Uri().Absolute(); }},
    {"uri-reference", [] { return Uri().Reference(); }},
    {"iri", [] { return Iri().Absolute(); }},
    {"iri-reference", [] { return Iri().Reference(); }},
    {"uri-template", UriTemplate},
    {"json-pointer", JsonPointer},
    {"relative-json-pointer", [] { return "(?:0|[1-9][0-9]*)(?:#|" + JsonPointer() + ")"; }},
};

/// What a format bounds beyond its grammar.
Result<Dfa> Bounded(std::string_view name, Dfa dfa, const GrammarLimits& limits) {
  if (name != "hostname" && name != "idn-hostname") return dfa;
  // Labels with "--" in the third and fourth place (RFC 5890) need tables to check.
  const auto reserved = CompileRegex("(?:^|\\.)..--", RegexMatch::kSearch, limits);
  if (!reserved) return reserved;
  const auto plain = Combine(dfa, *reserved, DfaOperation::kMinus, limits);
  if (!plain) return plain;
  return Combine(*plain, Dfa::Lengths(1, 253), DfaOperation::kAnd, limits);
}

}  // namespace

Result<Dfa> FormatDfa(std::string_view format, const GrammarLimits& limits) {
  for (const Format& known : kFormats) {
    if (known.name != format) continue;
    auto dfa = CompileRegex(known.pattern(), RegexMatch::kWhole, limits);
    if (!dfa) return dfa;
    return Bounded(format, std::move(*dfa), limits);
  }
  return Fail(ErrorCode::kUnsupported, "the format \"" + std::string(format) + "\" is not known");
}

std::vector<std::string_view> KnownFormats() {
  std::vector<std::string_view> names;
  for (const Format& known : kFormats) names.push_back(known.name);
  return names;
}

}  // namespace dure::text
