/** Handlers of `dev_*`: faults that a development node imposes on itself. */
import type { RpcHandlers } from '../../rpc/schema/methods.ts';
import { WattmeshError } from '../../util/errors.ts';
import type { DevControls, NodeAccess } from '../access.ts';
import type { Queries } from './queries.ts';

type DevHandlers = Pick<RpcHandlers, 'dev_getLinks' | 'dev_setLinks' | 'dev_setClockSkew'>;

/** Throws DEV_DISABLED. */
function controls({ dev, config }: NodeAccess): DevControls {
  if (dev !== undefined) return dev;
  throw new WattmeshError({
    code: 'DEV_DISABLED',
    message: `node ${config.name} is not configured for development`,
    remedy: 'set "dev": true in its node.json and start it again; never do so where money is at stake',
  });
}

function linksOf({ links }: DevControls) {
  return { rules: links().map((rule) => ({ ...rule, peers: [...rule.peers] })) };
}

export function devHandlers({ access }: Queries): DevHandlers {
  return {
    dev_getLinks: () => linksOf(controls(access)),
    dev_setLinks({ rules }) {
      const dev = controls(access);
      dev.setLinks(rules);
      return linksOf(dev);
    },
    dev_setClockSkew({ skewMs }) {
      const dev = controls(access);
      dev.setClockSkew(skewMs);
      return { skewMs: dev.clockSkewMs() };
    },
  };
}
