"""Network type from the name of the AS: a fallback where no list of ranges says it.

Names are what operators registered with their RIR. The rules look for words an operator of that kind
puts into its name in the languages that are common there; what matches none is left unknown.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

__all__ = ["NETWORK_TYPES", "network_type_of_names"]

NETWORK_TYPES = ("unknown", "isp", "hosting", "business", "education", "government", "mobile", "cdn")
"""Values of ``network_type``; a code is an index into this."""

# The first rule that matches wins: a university hospital is education, a mobile carrier is no plain isp.
_RULES: tuple[tuple[str, str], ...] = (
    ("cdn", r"\b(cloudflare|akamai|fastly|cdn77|cdnetworks|edgecast|edgio|limelight|stackpath|bunny(way|cdn)|imperva|incapsula|gcore|g-core)"),
    ("education", r"\b(universi|univ\b|college|school|education|academi|hochschule|ecole|polytechn|politecn|institute of technology|"
                  r"research and education|nren\b|renater|surf b\.v|janet\b|jisc|dfn\b|garr\b|rediris|cernet|kreonet|geant|switch lan|internet2)"),
    ("government", r"\b(government|ministry|minister|ministerstvo|federal (agency|bureau|office)|state of|city of|county of|county\b|department of|dod\b|"
                   r"army|navy|air force|military|national informatics|gouvernement|gobierno|governo|bundes|municipal|parliament|senate|embassy|police)"),
    ("hosting", r"(hosting|hoster\b|\bhost\b|\bcloud|datacent|data cent|\bserver|\bvps\b|\bcolo|dedicated|\bovh\b|hetzner|digitalocean|linode|vultr|choopa|"
                r"leaseweb|contabo|amazon|microsoft|google|oracle|alibaba|tencent|rackspace|ionos|godaddy|namecheap|scaleway|online s\.a\.s|"
                r"m247|datacamp|quadranet|psychz|colocrossing|hostinger|gandi|infomaniak|upcloud|equinix|kamatera|worldstream|softlayer|constant company)"),
    ("mobile", r"\b(mobile|mobil\b|movil|wireless|cellular|gsm\b|lte\b|t-mobile|vodafone|verizon wireless|cellco|etisalat|airtel|mtn\b|orange (polska|espagne)|"
               r"telenor|vimpelcom|mobitel|jio\b|reliance jio|digicel|safaricom|claro|tim s\.?a|kyivstar|megafon|turkcell|beeline|zain\b)"),
    ("isp", r"(tele(com|kom|fon|phone|net|m[aá]tica|via|cable)|\btelkom|telstra|\bkpn\b|uninet|\bfree sas|proxad|bahnhof|\bswisscom|\bbezeq|\btdc\b|\bptcl\b|claro nxt|proximus|\bviettel|\btelus|\brogers|\bcox\b|frontier comm|communicat|broadband|\bcable|internet|\bisp\b|\bnet\b|networks?$|networx|netz|fibre|fiber|fibra|\bdsl\b|"
            r"comcast|charter|at&t|verizon|telia|\bbt\b|sky uk|liberty global|telef[oô]nica|orange|chinanet|unicom|rostelecom|comunica|connect|satellite|starlink|"
            r"\bonline\b|access|provider|wisp\b|link\b|level 3|lumen|cogent|\bntt\b|kddi|softbank|zayo|transit|backbone|svyaz|set\b|provedor)"),
    ("business", r"\b(bank|banco|banque|insurance|holding|hospital|clinic|energy|electric|airline|airport|pharma|motors|steel|oil|gas\b|media|"
                 r"consult|industr|manufactur|foods?\b|motor|retail|logistics|enterprise)"),
)  # fmt: skip


def network_type_of_names(names: pa.Array) -> NDArray[np.int8]:
    """Codes into :data:`NETWORK_TYPES` for AS organisation ``names``; null and unknown names give 0."""
    lower = pc.utf8_lower(names)
    codes = np.zeros(len(names), np.int8)
    for kind, pattern in _RULES:
        matches = pc.fill_null(pc.match_substring_regex(lower, pattern), False).to_numpy(zero_copy_only=False)
        codes[matches & (codes == 0)] = NETWORK_TYPES.index(kind)
    return codes
