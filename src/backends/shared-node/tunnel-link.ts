// The name of the node's tunnel, for the backend that makes it and for those that treat what comes by it in a way of its own.

/** The tunnel device of every node. */
export const TUNNEL_LINK = 'fairlead.vx';
