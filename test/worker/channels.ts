/** Ways to the other half of an engine: in this thread, over a MessageChannel, which costs no worker and clones messages all the same. */
import { cpu } from "../../cpu/backend.ts";
import type { Backend } from "../../kernel/backend.ts";
import type { Channel } from "../../worker/channel.ts";
import { serve } from "../../worker/host.ts";
import type { Answer, Request } from "../../worker/wire.ts";

/** A channel within this thread. */
export function channelHere(backend: () => Backend = cpu): Channel {
  const { port1: near, port2: far } = new MessageChannel();
  const take = serve({ post: (answer, transfer) => far.postMessage(answer, transfer) }, backend);
  far.onmessage = ({ data }: MessageEvent<Request>) => take(data);
  return {
    post: (request, transfer = []) => near.postMessage(request, transfer),
    listen: (received) => (near.onmessage = ({ data }: MessageEvent<Answer>) => received(data)),
    keepAlive: () => {},
    close: () => Promise.resolve(near.close()),
  };
}
