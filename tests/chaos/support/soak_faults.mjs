// The faults of the soak: each begins, lasts a while, and ends. `place`: {provider, proxy, name} is where it happens.

const network = (set) => ({ begin: ({ proxy }, chances) => set(proxy, chances), end: ({ proxy }) => proxy.clear() });
const words = (behaviour) => ({ begin: ({ provider }) => { provider.always = behaviour; }, end: ({ provider }) => { provider.always = undefined; } });

export const faults = {
  'slow network': network((proxy) => proxy.set('down', { latency: 200, jitter: 100 })),
  'slow bytes': network((proxy) => proxy.set('down', { rate: 4000 })),
  'single bytes': network((proxy) => proxy.set('down', { slice: 1 })),
  'black hole': network((proxy) => proxy.set('down', { blackHole: true })),
  'black hole on the way up': network((proxy) => proxy.set('up', { blackHole: true })),
  'resets in answers': network((proxy, chances) => proxy.set('down', { resetAfter: chances.integer(0, 2000) })),
  'cuts in answers': network((proxy, chances) => proxy.set('down', { cutAfter: chances.integer(0, 2000) })),
  'flipped bytes': network((proxy, chances) => proxy.set('down', { flipAt: chances.integer(0, 500) })),
  'every open connection is reset': network((proxy) => proxy.resetOpen()),
  'new connections are reset': network((proxy) => { proxy.resetNew(); proxy.resetOpen(); }),
  'nobody listens': { begin: ({ proxy }) => proxy.refuse(), end: ({ proxy }) => proxy.accept() },
  'status 500': words('status:500'),
  'status 429': words('status:429:1'),
  'status 503': words('status:503'),
  'no answer': words('hang'),
  'silence in answers': words('head-hang:2'),
  'resets in streams': words('rst:3'),
  'ends in streams': words('fin:3'),
};
