"""How the reference model of CXRGateway is made: data, phantom, model, training, evaluation, export."""
