/**
 * Containers: layers that hold lists of layers. Each knows its lists, what they are called in state-dict names, and how
 * they are connected; nobody else tells one container from another.
 */
import {
  array,
  descriptor,
  family,
  integer,
  lazy,
  optional,
  type Schema,
  some,
  string,
  tagged,
  tuple,
  variant,
} from '../base/schema.js';
import { type LayerSpec, layerDescriptors, type OpSpec } from '../ops/index.js';

/** Layers one after another. */
export interface SequentialSpec {
  /** What kind of container it is. */
  type: 'sequential';
  /** Of the container in state dicts; its position by default. */
  name?: string;
  /** One after another. */
  layers: ModuleSpec[];
}

/** Two branches from one input, added: `main(x) + shortcut(x)`; an empty shortcut is the identity. */
export interface ResidualSpec {
  /** What kind of container it is. */
  type: 'residual';
  /** Of the container in state dicts; its position by default. */
  name?: string;
  /** One branch. */
  main: ModuleSpec[];
  /** The other; empty for the identity. */
  shortcut: ModuleSpec[];
}

/** Branches from one input, their channels side by side; an empty branch is the identity. */
export interface ConcatSpec {
  /** What kind of container it is. */
  type: 'concat';
  /** Of the container in state dicts; its position by default. */
  name?: string;
  /** One list of layers each. */
  branches: ModuleSpec[][];
}

export type ContainerSpec = SequentialSpec | ResidualSpec | ConcatSpec;

/** A layer or a container, made by a constructor of `nn`. */
export type ModuleSpec = LayerSpec | ContainerSpec;

/** A whole model: a container and the extents of one sample. */
export interface ModelSpec extends SequentialSpec {
  /** `[C, H, W]`. */
  input: [number, number, number];
}

/** Layers one after another, inside a container. */
export interface Branch {
  /** What stands between the container's name and a layer's position in state-dict names; may be empty. */
  segment: string;
  layers: ModuleSpec[];
}

/** How one kind of container works. */
export interface Container<Spec> {
  branches(spec: Spec): Branch[];
  /** The same container with other layers, in the order of {@link branches}. */
  withBranches(spec: Spec, layers: ModuleSpec[][]): Spec;
  /**
   * Adds nodes to a graph; a node is known by its number.
   *
   * @param runs adds a branch behind a node and gives its last node.
   * @param join adds an operation behind nodes.
   */
  connect(runs: ((from: number) => number)[], from: number, join: (spec: OpSpec, inputs: number[]) => number): number;
}

/** Modules in a list; what a module is refers to itself. */
export const modulesSchema = array(
  lazy((): Schema<unknown, ModuleSpec> => moduleSchema),
  'an array of layers',
);

/** Layers one after another. */
export const sequentialDescriptor = descriptor(
  tagged('sequential', { name: optional(string()), layers: modulesSchema }),
  {},
);

const sequential: Container<SequentialSpec> = {
  branches: ({ layers }) => [{ segment: '', layers }],
  withBranches: (spec, [layers]) => ({ ...spec, layers }),
  connect: ([layers], from) => layers(from),
};

export const residualDescriptor = descriptor(
  tagged('residual', { name: optional(string()), main: modulesSchema, shortcut: optional(modulesSchema, () => []) }),
  {},
);

const residual: Container<ResidualSpec> = {
  branches: ({ main, shortcut }) => [
    { segment: 'main.', layers: main },
    { segment: 'shortcut.', layers: shortcut },
  ],
  withBranches: (spec, [main, shortcut]) => ({ ...spec, main, shortcut }),
  connect: (runs, from, join) =>
    join(
      { type: 'add' },
      runs.map((run) => run(from)),
    ),
};

export const concatDescriptor = descriptor(
  tagged('concat', { name: optional(string()), branches: some(modulesSchema, 'an array of branches') }),
  {},
);

const concat: Container<ConcatSpec> = {
  branches: ({ branches }) => branches.map((layers, i) => ({ segment: `${i}.`, layers })),
  withBranches: (spec, branches) => ({ ...spec, branches }),
  connect: (runs, from, join) =>
    runs.map((run) => run(from)).reduce((before, branch) => join({ type: 'concat' }, [before, branch])),
};

const containerDescriptors = family({
  concat: concatDescriptor,
  residual: residualDescriptor,
  sequential: sequentialDescriptor,
});

const containers: { [Type in ContainerSpec['type']]: Container<Extract<ContainerSpec, { type: Type }>> } = {
  concat,
  residual,
  sequential,
};

/** Any layer or container. */
export const moduleSchema = variant({ ...layerDescriptors, ...containerDescriptors }, 'a layer made by nn.*');

const extent = (noun: string) => integer({ min: 1 }, noun);

/** What makes a container a whole model. */
export const modelInput = tuple(
  [extent('a whole number of channels'), extent('a whole height'), extent('a whole width')],
  '[channels, height, width], as in nn.sequential([...], { input: [C, H, W] })',
);

/** A whole model. */
export const modelSchema: Schema<unknown, ModelSpec> = tagged('sequential', {
  ...sequentialDescriptor.schema.entries,
  input: modelInput,
});

/** Tells containers from layers. */
export function isContainer(module: ModuleSpec): module is ContainerSpec {
  return Object.hasOwn(containers, module.type);
}

/** How a container works. */
export function containerOf(spec: ContainerSpec): Container<ContainerSpec> {
  return containers[spec.type] as Container<ContainerSpec>;
}

/** The same description with every layer changed, those inside containers, too. */
export function mapLayers(model: ModelSpec, change: (layer: LayerSpec) => LayerSpec): ModelSpec {
  const changed = (module: ModuleSpec): ModuleSpec => {
    if (!isContainer(module)) return change(module);
    const { branches, withBranches } = containerOf(module);
    return withBranches(
      module,
      branches(module).map(({ layers }) => layers.map(changed)),
    );
  };
  return { ...model, layers: model.layers.map(changed) };
}
