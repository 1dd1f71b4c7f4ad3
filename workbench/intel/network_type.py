"""Network type from the name of the AS: a fallback where no list of ranges says it.

Names are what operators registered with their RIR. The rules look for words an operator of that kind
puts into its name in the languages that are common there; what matches none is left unknown.

**Measured** by ``tests/bench/network_types.py`` on 29,276 ASes labelled by their operators in PeeringDB or by
bgp.tools: a type for 60 % of them (85 % of their addresses), right nine times in ten, by addresses three in
four. Precision and recall: education 0.95 and 0.80, government 0.96 and 0.70, isp 0.93 and 0.52, hosting 0.62
and 0.40, business 0.56 and 0.08, mobile 0.36 and 0.31, cdn 0.42 and 0.19.

**Limits.** The words were chosen while looking at these names, so strangers will fare worse. Labels err too:
PeeringDB has no type for hosters, and a university with its own campus network says ISP. A carrier with both a
fixed and a mobile network is one or the other by its name. A business is hardly ever told by its name: the
type is trustworthy where it says education, government or isp, a hint where it says hosting, else a guess.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

__all__ = ["NETWORK_TYPES", "network_type_of_names", "network_type_of_systems"]

NETWORK_TYPES = ("unknown", "isp", "hosting", "business", "education", "government", "mobile", "cdn")
"""Values of ``network_type``; a code is an index into this."""

# The first rule that matches wins: a university hospital is education, a mobile carrier is no plain isp.
_RULES: tuple[tuple[str, str], ...] = (
    ("cdn", r"\b(cloudflare|akamai|fastly|cdn|cachefly|edgecast|edgio|limelight|stackpath|bunny(way|cdn)|imperva|incapsula|"
            r"gcore|g-core|qwilt|netflix|facebook|meta platforms)"),
    ("education", r"(école|\b(universi|uniwers|univ\b|college|schools?\b|schule|scolaire|sekolah|board of (education|regents)|academ[iy]|akadem|hochschule|"
                  r"ecole|escola\b|escuela|col[eé]gio|faculdade|polytechn|polite[ck]|poltekkes|campus|hogeschool|h[oö]gskol|institut|instytut|sciences\b|"
                  r"seminary|negeri|pesquisa|fraunhofer|max[ -]planck|ricerche|recherche|(research and )?education\b|nren\b|renater|surf b\.v|janet\b|jisc|"
                  r"dfn\b|garr\b|rediris|cernet|kreonet|geant|switch lan|internet2))"),
    ("government", r"\b(government|ministry|minister|ministri|kementerian|federal (agency|bureau|office|service)|state (of|service)|city of|ville de|borough of|"
                   r"county of|county\b|commonwealth of|department of|united states|dod\b|usda\b|army|navy|air force|armed forces|military|headquarters|usaisc|"
                   r"defen[cs]e|national informatics|gouvernement|gobierno|governo|bundes|landeshauptstadt|staatsbetrieb|parliament|senate|senado|embassy|"
                   r"police|sheriff|council\b|authority\b|agency\b|administration\b|commission\b|directorate|direktorat|courts?\b|judiciary|tribunal|justi[cç]a|"
                   r"revenue|customs|social security|librar(y|ies)|munic[ií]pio|municipality|municipalidad|prefeitura|camara|gemeente|provincie|kommune\b|"
                   r"kuntayhtyma|stadt\b|secretaria|dinas\b|diskominfo|pemerintah|kabupaten|kota\b|badan\b|provinsi|valsts|valtion|riigi|baskanligi|mudurlugu|"
                   r"national laborator)"),
    ("mobile", r"\b(mobile\b|mobil\b|movil|cellular|gsm\b|lte\b|t-mobile|vodafone|vodacom|verizon wireless|cellco|etisalat|airtel\b|mtn\b|orange (polska|espagne)|"
               r"telenor|mobitel|jio\b|reliance jio|digicel|safaricom|tim s\.?a|kyivstar|turkcell|zain\b|hutchison|grameenphone|docomo|celcom|"
               r"polkomtel|odido|true move|mobile telesystems)"),
    # Who says that it carries others does, whatever else it sells.
    ("isp", r"(tele(com|kom)|broadband|banda larga|wireless|\bfib(er|re|ra)\b|internet service)"),
    ("hosting", r"(hosting|hosted|host\b|\bhost|hospedagem|h[ée]bergement|cloud|datacent|data[ -]cent|servers?\b|vps\b|\bvps|\bvds|\bcoloc?\b|colocat|"
                r"dedicated|\bovh\b|hetzner|digitalocean|linode|vultr|choopa|"
                r"leaseweb|contabo|\bamazon\b|microsoft|google|oracle|alibaba|tencent|rackspace|\bionos|godaddy|namecheap|scaleway|online s\.a\.s|aruba s\.p|seeweb|"
                r"m247|datacamp|quadranet|psychz|hostinger|\bgandi\b|infomaniak|upcloud|equinix|kamatera|worldstream|softlayer|constant company|"
                r"nebius|timeweb|unified layer|team\.blue)"),
    ("isp", r"(tele(fon|phone|net|m[aá]ti[ck]|via|vis|cable)|\btelkom|telstra|\bkpn\b|\bfree sas|proxad|bahnhof|\bswisscom|\bbezeq|\btdc\b|\bptcl\b|"
            r"claro\b|proximus|\bviettel|\btelus|\brogers|\bcox\b|frontier comm|communicat|\bcable|internet|\bisp\b|\bnet\b|networ[kx]|netcom|datacom|"
            r"infocom|netz|fibre|fiber|fibra|glasfaser|breitband|bredb|\bdsl\b|\bwi-?fi\b|\btv\b|\btele\b|\bsat\b|multim[ií]dia|multimedia|\bmedia\b|"
            r"comcast|charter|at&t|verizon|telia|\bbt\b|sky uk|liberty global|telef[oô]nica|orange|chinanet|unicom|rostelecom|megafon|vimpelcom|beeline|comunica|"
            r"connect|satellite|starlink|inform[aá]tica|infotech|jaringan|\bredes\b|\bakses\b|\blintas\b|stadtwerke|broadcast|"
            r"\bonline\b|access|provider|wisp\b|link\b|level 3|lumen|cogent|\bntt\b|kddi|softbank|zayo|transit|backbone|svyaz|set\b|provedor)"),
    ("business", r"(bank\b|\b(bank|banco|banque|insurance|assurance|versicherung|seguros|securities|credit|hospital|clinic|healthcare|airlines?\b|airport|pharma|motors?\b|"
                 r"automotive|steel\b|oil\b|gas\b|industr|manufactur|foods?\b|retail|logistics|chemical|aerospace|casino|hotel|games?\b|gaming|software))"),
)  # fmt: skip


def network_type_of_names(names: pa.Array) -> NDArray[np.int8]:
    """Codes into :data:`NETWORK_TYPES` for AS organisation ``names``; null and unknown names give 0."""
    lower = pc.utf8_lower(names)
    codes = np.zeros(len(names), np.int8)
    for kind, pattern in _RULES:
        matches = pc.fill_null(pc.match_substring_regex(lower, pattern), False).to_numpy(zero_copy_only=False)
        codes[matches & (codes == 0)] = NETWORK_TYPES.index(kind)
    return codes


_ISP = NETWORK_TYPES.index("isp")
_FINER = tuple(NETWORK_TYPES.index(kind) for kind in ("hosting", "mobile", "cdn", "education"))


def network_type_of_systems(claimed: NDArray[np.int8], by_name: NDArray[np.int8]) -> NDArray[np.int8]:
    """What the operator claims, where it claims anything, else what the name suggests; codes, 0 for unknown.

    A hoster, a mobile carrier and a CDN find no word for themselves in PeeringDB, and a campus network calls
    itself an Internet provider: there the name is the finer answer.
    """
    finer = (claimed == _ISP) & np.isin(by_name, _FINER)
    return np.where((claimed == 0) | finer, by_name, claimed)
