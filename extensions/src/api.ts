/** What the server extension answers, typed, with the last answers kept. */

import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

/** One list entry that covers an address. */
export interface Evidence {
  source: string;
  title: string;
  category: string;
  label: string;
  entry: string;
  weight: number;
  reliability: string;
  seen: string | null;
  first_seen: string | null;
  last_seen: string | null;
  note: string | null;
  licence: string;
}

/** What there is to show of many addresses. */
export interface Short {
  input: string;
  address: string | null;
  verdict: string;
  reputation: number | null;
  country: string | null;
  as_org: string | null;
  reasons: string;
}

/** Everything known of one address. */
export interface Intel extends Short {
  scope: string;
  confidence: number | null;
  country_name: string | null;
  region: string | null;
  city: string | null;
  asn: number | null;
  network_type: string | null;
  prefix: string | null;
  rir: string | null;
  flags: string[];
  evidence: Evidence[];
  snapshot: string;
}

export interface Extraction {
  found: { address: string; kind: 'address' | 'network'; count: number; first_line: number }[];
  distinct: number;
  lines: number;
  malformed: { line: number; text: string }[];
  malformed_count: number;
}

/** A profile of the store, as far as the panel shows it. */
export interface Profile {
  id: string;
  address: string;
  owner: string;
  secrecy: string;
  verdict: string | null;
  reputation: number | null;
  country: string | null;
  asn: number | null;
  as_org: string | null;
  reasons: string;
  threat_level: string;
  notes: string;
  tags: string[];
  updated_by: string;
  updated_at: string;
}

export interface Investigation {
  id: string;
  name: string;
  description: string;
  state: string;
  owner: string;
  secrecy: string;
  created_by: string;
  created_at: string;
}

export interface Alert {
  id: string;
  /** The watchlist's. */
  name: string;
  says: string;
  state: string;
  raised_at: string;
  changed_by: string | null;
}

export interface Status {
  ceiling: string;
  /** Whether there is a store that can be asked without making one. */
  store: boolean;
  max_addresses: number;
  max_text_bytes: number;
  snapshot: { id: string; as_of: string; sources: { title: string; as_of: string | null }[] };
}

interface Answer<T> {
  snapshot: { id: string; as_of: string };
  results: T[];
}

const KEPT = 5000;

export class Workbench {
  constructor(private readonly settings: ServerConnection.ISettings) {}

  status(): Promise<Status> {
    return this.request<Status>('status');
  }

  extract(text: string): Promise<Extraction> {
    return this.request<Extraction>('extract', { text });
  }

  /** Everything of one address, evidence included. */
  async intel(address: string): Promise<Intel> {
    const kept = this.full.get(address);
    if (kept) {
      return kept;
    }
    const answer = await this.request<Answer<Intel>>('lookup', { addresses: [address] });
    const [intel] = answer.results;
    if (!intel) {
      throw new Error(`no answer for ${address}`);
    }
    this.dated(answer.snapshot.id);
    keep(this.full, address, intel);
    return intel;
  }

  /** The verdicts of many addresses; what was asked before is not asked again. */
  async verdicts(addresses: string[], atOnce: number): Promise<Map<string, Short>> {
    const result = new Map<string, Short>();
    const open: string[] = [];
    for (const address of new Set(addresses)) {
      const kept = this.short.get(address);
      kept ? result.set(address, kept) : open.push(address);
    }
    for (let at = 0; at < open.length; at += atOnce) {
      const part = open.slice(at, at + atOnce);
      const answer = await this.request<Answer<Short>>('lookup', { addresses: part, evidence: false });
      this.dated(answer.snapshot.id);
      for (const short of answer.results) {
        keep(this.short, short.input, short);
        result.set(short.input, short);
      }
    }
    return result;
  }

  profiles(query: { text?: string; investigation?: string; after?: string }): Promise<{ items: Profile[]; next: string | null }> {
    return this.request(`profiles?${new URLSearchParams(query)}`);
  }

  createProfile(address: string, secrecy: string): Promise<Profile> {
    return this.request<Profile>('profiles', { address, secrecy });
  }

  async investigations(): Promise<Investigation[]> {
    return (await this.request<{ items: Investigation[] }>('investigations')).items;
  }

  async alerts(): Promise<Alert[]> {
    return (await this.request<{ items: Alert[] }>('alerts')).items;
  }

  setAlert(id: string, state: 'acknowledged' | 'closed'): Promise<Alert> {
    return this.request<Alert>(`alerts/${encodeURIComponent(id)}`, { state });
  }

  /** Alerts as they are raised, those not looked after first; the result ends it. */
  hearAlerts(heard: (alert: Alert) => void): () => void {
    const { baseUrl, token, appendToken } = this.settings;
    const url = new URL(URLExt.join(baseUrl, 'workbench', 'alerts', 'live'));
    if (appendToken && token) {
      // An EventSource sends no headers; a page that is logged in by cookie needs no token.
      url.searchParams.set('token', token);
    }
    const source = new EventSource(url);
    source.addEventListener('message', event => heard(JSON.parse(event.data) as Alert));
    return () => source.close();
  }

  /** Answers of another snapshot are not mixed with those of this one. */
  private dated(snapshot: string): void {
    if (snapshot !== this.snapshot) {
      this.short.clear();
      this.full.clear();
      this.snapshot = snapshot;
    }
  }

  private async request<T>(path: string, body?: unknown): Promise<T> {
    const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
    const url = `${URLExt.join(this.settings.baseUrl, 'workbench')}/${path}`;
    let response: Response;
    try {
      response = await ServerConnection.makeRequest(url, init, this.settings);
    } catch {
      throw new Error('The Jupyter server does not answer.');
    }
    const answer = (await response.json().catch(() => null)) as T | { message?: string } | null;
    if (!response.ok) {
      const message = (answer as { message?: string } | null)?.message;
      throw new Error(
        response.status === 404
          ? 'The server side of IP Workbench is not loaded: `jupyter server extension list` tells why.'
          : message || `The server answered ${response.status}.`
      );
    }
    return answer as T;
  }

  private snapshot = '';
  private readonly short = new Map<string, Short>();
  private readonly full = new Map<string, Intel>();
}

/** A map forgets what it learned first. */
function keep<T>(map: Map<string, T>, key: string, value: T): void {
  const oldest = map.keys().next();
  if (map.size >= KEPT && !oldest.done) {
    map.delete(oldest.value);
  }
  map.set(key, value);
}
