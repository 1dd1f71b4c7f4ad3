/** A STIX 2.1 bundle as rows to show: type, name, TLP, and what it says. Reads what is there, trusts none of it. */

import { type Level, LEVELS, parseLevel, strictest } from '../tlp';

export interface Row {
  id: string;
  type: string;
  name: string;
  tlp: Level | null;
  /** The pattern of an indicator, the value of an observable, the ends of a relationship, else the description. */
  says: string;
  isCode: boolean;
  seen: string;
}

export interface Bundle {
  id: string;
  rows: Row[];
  /** The strictest marking in the bundle. */
  tlp: Level | null;
}

type Thing = Record<string, unknown>;

/** Ids that TLP 2.0 and 1.0 fix (OASIS common objects; STIX 2.1, section 7.2.1.4). */
const KNOWN: Record<string, Level> = {
  'marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487': 'TLP:CLEAR',
  'marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb': 'TLP:GREEN',
  'marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421': 'TLP:AMBER',
  'marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003': 'TLP:AMBER+STRICT',
  'marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1': 'TLP:RED',
  'marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9': 'TLP:CLEAR',
  'marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da': 'TLP:GREEN',
  'marking-definition--f88d31f6-486f-44da-b317-01333bde0b82': 'TLP:AMBER',
  'marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed': 'TLP:RED'
};
const TLP_EXTENSION = 'extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d';

/** Read a bundle, or one object by itself, from text or from JSON already parsed. Throws an Error that says what is wrong. */
export function readBundle(data: unknown): Bundle {
  let value: unknown = data;
  if (typeof data === 'string') {
    try {
      value = JSON.parse(data);
    } catch (error) {
      throw new Error(`This is no JSON: ${(error as Error).message}`);
    }
  }
  if (!isThing(value) || typeof value.type !== 'string') {
    throw new Error('This is no STIX: neither a bundle nor an object with a type.');
  }
  const objects = value.type === 'bundle' ? value.objects ?? [] : [value];
  if (!Array.isArray(objects)) {
    throw new Error('The objects of this bundle are no list.');
  }
  const things = objects.filter(isThing);
  const byId = new Map(things.map(thing => [text(thing.id), thing]));
  const levels = new Map<string, Level>(Object.entries(KNOWN));
  for (const thing of things) {
    const level = thing.type === 'marking-definition' ? levelOf(thing) : null;
    if (level && !levels.has(text(thing.id))) {
      levels.set(text(thing.id), level);
    }
  }
  const rows = things
    .filter(thing => !(thing.type === 'marking-definition' && levels.has(text(thing.id))))
    .map(thing => rowOf(thing, byId, levels));
  return {
    id: text(value.id),
    rows,
    tlp: rows.reduce<Level | null>((worst, row) => strictest(worst, row.tlp), null)
  };
}

/** The level a marking-definition stands for. */
function levelOf(thing: Thing): Level | null {
  const extension = isThing(thing.extensions) ? thing.extensions[TLP_EXTENSION] : null;
  const definition = thing.definition_type === 'tlp' && isThing(thing.definition) ? thing.definition.tlp : null;
  const named = /^TLP:/i.test(text(thing.name)) ? thing.name : null;
  return parseLevel(isThing(extension) ? extension.tlp_2_0 : null) ?? parseLevel(definition) ?? parseLevel(named);
}

function rowOf(thing: Thing, byId: Map<string, Thing>, levels: Map<string, Level>): Row {
  const parts = Array.isArray(thing.granular_markings) ? thing.granular_markings.filter(isThing) : [];
  const refs = [...list(thing.object_marking_refs), ...parts.map(part => text(part.marking_ref))];
  const tlp = refs.reduce<Level | null>((worst, ref) => strictest(worst, levels.get(ref) ?? null), null);
  const [says, isCode] = sayingOf(thing, byId);
  return {
    id: text(thing.id),
    type: text(thing.type),
    name: nameOf(thing),
    tlp: tlp && LEVELS.includes(tlp) ? tlp : null,
    says,
    isCode,
    seen: (text(thing.last_seen) || text(thing.last_observed) || text(thing.valid_from) || text(thing.modified)).slice(0, 10)
  };
}

function nameOf(thing: Thing): string {
  return text(thing.name) || text(thing.value) || text(thing.relationship_type) || text(thing.number && `AS${thing.number}`) || text(thing.abstract);
}

function sayingOf(thing: Thing, byId: Map<string, Thing>): [string, boolean] {
  const called = (id: unknown): string => {
    const found = byId.get(text(id));
    return (found && nameOf(found)) || text(id);
  };
  if (thing.pattern) {
    return [text(thing.pattern), true];
  }
  if (thing.type === 'relationship') {
    return [`${called(thing.source_ref)} → ${text(thing.relationship_type)} → ${called(thing.target_ref)}`, false];
  }
  if (thing.type === 'sighting') {
    return [`${called(thing.sighting_of_ref)}, seen ${text(thing.count) || 1} times`, false];
  }
  for (const refs of [list(thing.object_refs), list(thing.sample_refs)]) {
    if (refs.length > 0) {
      const more = refs.length > 5 ? ` and ${refs.length - 5} more` : '';
      return [refs.slice(0, 5).map(called).join(', ') + more, false];
    }
  }
  return [text(thing.description) || text(thing.content) || (thing.name ? text(thing.value) : ''), false];
}

function isThing(value: unknown): value is Thing {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function list(value: unknown): string[] {
  return Array.isArray(value) ? value.map(text) : [];
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';
}
